"""The functions behind `from captioner import train, resume, evaluate, compare, caption, load_data`.

Each function joins the parts of one command. Heavy modules are imported when a function is called. Imports all rooms
but those of the command line.
"""

from captioner.api.captions import caption as caption
from captioner.api.others import evaluate_others as evaluate_others
from captioner.api.runs import compare as compare
from captioner.api.runs import evaluate as evaluate
from captioner.api.runs import load_data as load_data
from captioner.api.runs import resume as resume
from captioner.api.runs import train as train
