import sys

import pytest

from rewards import Context, build, check_reward, listing, parse

BREVITY = '''
import torch
from rewards import register

@register("brevity", needs=("images",))
def brevity(context, target: int = 4):
    """Minus the words above the target."""
    return lambda examples, captions: torch.tensor(
        [[-float(max(0, len(text.split()) - target)) for text in texts] for texts in captions]
    )
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Writes a package as pip would leave it: `install(package, announced, source)`."""
    modules = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(package, announced, source):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(source)
        facts = tmp_path / f"{package}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[captioner.rewards]\n{announced}\n")

    yield write
    for name in set(sys.modules) - modules:
        if name.startswith("their_"):
            del sys.modules[name]


def test_a_reward_of_another_package_is_found_by_name(install):
    install("their_brevity", "Brevity = their_brevity:brevity", BREVITY)
    total, _ = build([parse("brevity:target=2")], Context())([None], [["a dog", "a dog runs away"]])
    assert total.tolist() == [[0.0, -2.0]]
    assert build([parse("brevity")], Context()).needs == ("images",)


def test_the_release_of_another_package_is_in_the_signature(install):
    install("their_brevity", "Brevity = their_brevity:brevity", BREVITY)
    mix = build([parse("brevity:target=2")], Context())
    assert mix.signatures == {"brevity": "brevity[target=2,their_brevity==1.0]"}


def test_a_plug_in_fulfils_the_contract(install):
    install("their_brevity", "brevity = their_brevity", BREVITY)
    check_reward(parse("brevity"))


def test_a_plug_in_is_not_imported_for_another_name(install):
    install("their_brevity", "brevity = their_brevity", "raise SystemExit")
    build([parse("truth")], Context())
    with pytest.raises(ValueError, match="did you mean brevity"):
        build([parse("brevety")], Context())


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_module",
        "from rewards import no_such_function",
        "this is no Python",
    ],
)
def test_a_plug_in_that_cannot_be_imported_is_named(install, source):
    install("their_broken", "brevity = their_broken", source)
    with pytest.raises(ValueError, match="reward brevity: package their_broken cannot be imported") as caught:
        build([parse("brevity")], Context())
    assert "\n" not in str(caught.value)
    summaries = {row.name: row.summary for row in listing()}
    assert "their_broken" in summaries["brevity"] and "cider" in summaries


def test_a_plug_in_that_registers_nothing_is_told_how(install):
    install("their_silence", "silence = their_silence", "")
    with pytest.raises(ValueError, match='package their_silence announces it.*write @register\\("silence"\\)'):
        build([parse("silence")], Context())


def test_two_packages_with_one_name_are_refused(install):
    install("their_one", "brevity = their_one", BREVITY)
    install("their_two", "brevity = their_two", BREVITY)
    with pytest.raises(ValueError, match="their_(one|two) announces .* of their_(one|two): uninstall one"):
        build([parse("brevity")], Context())


def test_a_package_cannot_take_a_built_in_name(install):
    install("their_cider", "CIDEr = their_cider", BREVITY)
    with pytest.raises(ValueError, match="a reward of captioner itself"):
        listing()
