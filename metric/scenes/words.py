"""The words of the language of scenes: fact of a scene -> words for the fact."""

from metric.scenes.world import COLOURS

# kind -> (singular, plural), the first pair being the plain name
NOUNS = {
    "cat": (("cat", "cats"), ("kitten", "kittens")),
    "dog": (("dog", "dogs"), ("puppy", "puppies")),
    "bird": (("bird", "birds"),),
    "fish": (("fish", "fish"),),
    "rabbit": (("rabbit", "rabbits"), ("bunny", "bunnies")),
    "snail": (("snail", "snails"),),
    "butterfly": (("butterfly", "butterflies"),),
    "turtle": (("turtle", "turtles"), ("tortoise", "tortoises")),
    "car": (("car", "cars"),),
    "bus": (("bus", "buses"),),
    "boat": (("boat", "boats"), ("sailboat", "sailboats")),
    "plane": (("plane", "planes"), ("airplane", "airplanes")),
    "bicycle": (("bicycle", "bicycles"), ("bike", "bikes")),
    "rocket": (("rocket", "rockets"),),
    "lamp": (("lamp", "lamps"),),
    "house": (("house", "houses"), ("cottage", "cottages")),
    "ball": (("ball", "balls"),),
    "balloon": (("balloon", "balloons"),),
    "kite": (("kite", "kites"),),
    "umbrella": (("umbrella", "umbrellas"), ("parasol", "parasols")),
    "cup": (("cup", "cups"), ("mug", "mugs")),
    "chair": (("chair", "chairs"),),
    "hat": (("hat", "hats"),),
    "flower": (("flower", "flowers"),),
}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
STATE_WORDS = {
    "sleeping": ("sleeping", "napping"),
    "jumping": ("jumping", "leaping"),
    "moving": ("moving", "speeding"),
    "glowing": ("glowing", "shining"),
}
COUNT_WORDS = {2: "two", 3: "three"}
SETTING_PHRASES = {
    "beach": ("on the beach", "at the beach", "by the sea"),
    "meadow": ("in a meadow", "on the grass", "in the meadow"),
    "snow": ("in the snow", "on snowy ground"),
    "desert": ("in the desert", "in a desert"),
    "city": ("in the city", "on a city street", "in a city"),
    "room": ("in a room", "indoors", "inside a room"),
    "forest": ("in the forest", "in the woods", "in a forest"),
    "mountains": ("in the mountains", "near the mountains"),
}
SETTING_KEYWORDS = {
    "beach": ("beach", "sea"),
    "meadow": ("meadow", "grass"),
    "snow": ("snow", "snowy"),
    "desert": ("desert",),
    "city": ("city", "street"),
    "room": ("room", "indoors"),
    "forest": ("forest", "woods"),
    "mountains": ("mountains",),
}
RELATION_PHRASES = {
    "left": ("to the left of", "on the left of"),
    "right": ("to the right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
    "beside": ("next to", "beside"),  # true of left and right alike
}
POSITION_PHRASES = {"left": ("on the left",), "middle": ("in the middle",), "right": ("on the right",)}
PICTURE_WORDS = ("picture", "image", "photo")

# What web pages put around the words that matter; no function word, so that sentences are foreign to alt-text.
FILLER = (
    "photo image picture stock free hd jpg best buy new cute sale wallpaper background download print poster art online"
).split()

SINGULARS = {singular: kind for kind, pairs in NOUNS.items() for singular, _ in pairs}
PLURALS = {plural: kind for kind, pairs in NOUNS.items() for _, plural in pairs}
KIND_OF = {**SINGULARS, **PLURALS}
SIZE_OF = {word: size for size, words in SIZE_WORDS.items() for word in words}
STATE_OF = {word: state for state, words in STATE_WORDS.items() for word in words}
SETTING_OF = {word: setting for setting, words in SETTING_KEYWORDS.items() for word in words}
COUNT_OF = {"a": 1, "an": 1, **{word: count for count, word in COUNT_WORDS.items()}}
KEYWORDS = (*KIND_OF, *COLOURS, *SIZE_OF, *STATE_OF, *SETTING_OF)


def article(word: str) -> str:
    """The indefinite article before `word`. In this language the first letter decides."""
    return "an" if word[0] in "aeiou" else "a"
