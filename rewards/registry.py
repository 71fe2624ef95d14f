"""The plug point: rewards by name, built in or from the entry points of other packages.

The module of a reward is imported when the reward is first used.

In a package of your own, `setup.cfg` names the reward and the module:

    [options.entry_points]
    captioner.rewards =
        brevity = my_package.rewards

and the module registers the reward:

    @register("brevity")
    def brevity(context, target: int = 10):
        "Minus the words above the target."
        return lambda examples, captions: torch.tensor([[...] for texts in captions])  # b k
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from metric.spec import plain
from rewards import plugins
from rewards.context import Context
from rewards.options import Option, options_of, read_options, suggestion
from rewards.spec import RewardSpec, distinct

if TYPE_CHECKING:
    from rewards.mix import Mix, Reward, Term

BUILT_IN = {
    "cider": "rewards.built_in.cider",
    "bleu4": "rewards.built_in.bleu_rouge",
    "rouge_l": "rewards.built_in.bleu_rouge",
    **dict.fromkeys(
        ("clips", "refclips", "pacs", "refpacs", "pacspp", "refpacspp", "pacspp_hard", "refpacspp_hard"),
        "rewards.built_in.clip_rewards",
    ),
    "retrieval": "rewards.built_in.retrieval",
    **dict.fromkeys(("repetition", "bad_endings", "length"), "rewards.built_in.text_only"),
    "grammar": "rewards.built_in.grammar",
    "lm": "rewards.built_in.language_model",
    "truth": "rewards.built_in.scene_truth",
}
MODULES = {plain(name): module for name, module in BUILT_IN.items()}
# The needs of a reward: of each example, of the data set, and of the machine.
NEEDS = {
    "images": "pictures",
    "references": "captions that people wrote of each picture",
    "others": "a data set, whose pictures are told apart",
    "scenes": "pictures drawn from known scenes, --data scenes",
    "weights": "a trained model, named by an option",
    "checker": "LanguageTool, which needs Java 17, or harper-py; `captioner doctor` says which of them works here",
}
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """A registered reward: its factory, needs and options."""

    name: str
    factory: Callable[..., Reward]
    needs: tuple[str, ...]
    options: tuple[Option, ...]

    @property
    def doc(self) -> str:
        """The factory's docstring: formula, range, cost."""
        return inspect.getdoc(self.factory) or ""

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]


@dataclass(frozen=True)
class Row:
    """A line of `captioner rewards`."""

    name: str
    options: tuple[Option, ...]
    needs: tuple[str, ...]
    summary: str


ENTRIES: dict[str, Entry] = {}


def register(name: str, needs: tuple[str, ...] = ()) -> Callable[[Factory], Factory]:
    """Registers a function or class `factory(context, option: int = 1, ...) -> reward` under `name`.

    A reward is a function of `b` examples and `b` lists of `k` captions. A reward returns a finite float32 tensor
    `b k`, where higher is better. `needs` are words of NEEDS, such as images and references.

    Raises ValueError for an unknown need, for a name that another reward has, and for an option without a type or a
    default.
    """
    key = plain(name)

    def add(factory: Factory) -> Factory:
        unknown = [need for need in needs if need not in NEEDS]
        if unknown:
            raise ValueError(f"reward {name} needs {unknown[0]!r}; the needs are {', '.join(NEEDS)}")
        refuse_duplicate(key, factory)
        ENTRIES[key] = Entry(name, factory, tuple(needs), options_of(name, factory))
        return factory

    return add


def refuse_duplicate(key: str, factory: Callable[..., Any]) -> None:
    """Raises ValueError for the name of another function.

    The same function may be registered again, such as by a notebook cell that runs twice.
    """
    here = f"{factory.__module__}.{factory.__qualname__}"
    if key in ENTRIES:
        owner = ENTRIES[key].factory
        taken = f"{owner.__module__}.{owner.__qualname__}"
    else:
        taken = MODULES.get(key, "")
    if taken and taken not in (here, factory.__module__):
        raise ValueError(f"reward {key} of {here} is already registered by {taken}: choose another name")


def find(name: str) -> Entry:
    """The reward called `name`. Imports the module of the reward if needed. Raises ValueError for an unknown name."""
    key = plain(name)
    if key not in ENTRIES and key in MODULES:
        import_module(MODULES[key])
    elif key not in ENTRIES:
        import_plugin(name, key)
    return ENTRIES[key]


def import_plugin(name: str, key: str) -> None:
    """Imports the plug-in that announces a reward. Raises ValueError for a reward of no plug-in."""
    elsewhere = plugins.announced(MODULES)
    if key not in elsewhere:
        raise ValueError(f"unknown reward {name}: {suggestion(key, names(elsewhere))}")
    point = elsewhere[key]
    plugins.load(key, point)
    if key not in ENTRIES:
        raise ValueError(
            f"reward {key}: package {plugins.package(point)} announces it, but {point.value} does not "
            f'register it: write @register("{point.name}") there'
        )


def names(elsewhere: Iterable[str]) -> list[str]:
    """All names: built in, of other packages, and registered by the script of the user."""
    registered = (entry.name for entry in ENTRIES.values())
    return list({plain(name): name for name in (*BUILT_IN, *elsewhere, *registered)}.values())


def listing() -> list[Row]:
    """Every reward with its options. A plug-in that cannot be imported is listed with the reason."""
    rows = []
    for name in names(plugins.announced(MODULES)):
        try:
            entry = find(name)
            rows.append(Row(name, entry.options, entry.needs, entry.summary))
        except ValueError as error:
            rows.append(Row(name, (), (), str(error)))
    return rows


def build(specs: Sequence[RewardSpec], context: Context) -> Mix:
    """The rewards of a run, as one weighted sum.

    Raises ValueError for a wrong name, option, weight or need. The check happens before a model is loaded.
    """
    from rewards.mix import Mix, check_needs
    from rewards.window import refuse_window

    entries = [find(spec.name) for spec in specs]
    typed = [dict(spec.options) for spec in specs]
    windows = [options.pop("window", None) for options in typed]
    chosen = [read_options(entry.name, entry.options, options) for entry, options in zip(entries, typed)]
    refuse_nothing(specs)
    for spec, window in zip(specs, windows):
        refuse_window(spec, window)
    for entry in entries:
        check_needs(entry.name, entry.needs, context.examples)
    keys = distinct([entry.name for entry in entries])
    return Mix([make(*each, context) for each in zip(keys, specs, entries, chosen, windows)])


def refuse_nothing(specs: Sequence[RewardSpec]) -> None:
    """Raises ValueError when the total would be zero for every caption, and for a reward that is given twice."""
    if not specs:
        raise ValueError("no reward was given; for example --reward cider")
    for spec in specs:
        same = [other for other in specs if (other.name, set(other.options)) == (spec.name, set(spec.options))]
        if len(same) > 1:
            once = replace(spec, weight=sum(other.weight for other in same))
            raise ValueError(f"--reward {spec.name} is given twice with the same options; type --reward {once} once")
    if all(spec.weight == 0 for spec in specs):
        raise ValueError(
            f"the weights of all rewards are zero ({', '.join(map(str, specs))}), so there is nothing to raise: "
            f"give one another weight, for example --reward {specs[0].name}:weight=1"
        )


def make(
    key: str, spec: RewardSpec, entry: Entry, options: dict[str, Any], window: str | None, context: Context
) -> Term:
    """The reward as a term of a mix. A reward without a signature is signed by its name and options."""
    from rewards.mix import Signed, Term
    from rewards.window import windowed

    reward = entry.factory(context, **options)
    values = [f"{name}={value}" for name, value in options.items()]
    elsewhere = plugins.announced(MODULES).get(spec.name)
    values += [plugins.release(elsewhere)] if elsewhere else []
    signature = reward.signature if isinstance(reward, Signed) else entry.name + f"[{','.join(values)}]" * bool(values)
    signature += f"[window={window}]" if window else ""
    return Term(key, spec, entry.needs, windowed(entry.name, reward, window), signature)
