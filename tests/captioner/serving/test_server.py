"""The reward server on the loopback: its numbers under load, its refusals, its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import pytest
import torch

from captioner.cli import main
from captioner.serving.batching import Batcher
from captioner.serving.items import Rules
from captioner.serving.server import address, bound, rules_of, server_of
from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse, register
from rewards.bridges import easyr1, verl
from rewards.bridges.client import ask, item
from rewards.bridges.judge import Judge
from rewards.bridges.pictures import picture_of
from rewards.registry import ENTRIES
from tests.places import ROOT

SPECS = ("refclips", "rouge_l:weight=0.5", "repetition:n=1,weight=0.1")
TEXTS = ["a dog", "two red boats", "a cat on a beach", "a dog with a", "", "an image of a car in a forest"]


@contextmanager
def running(judge: Judge, rules: Rules | None = None, window: float = 0.005) -> Iterator[tuple[str, Batcher]]:
    """A server in a thread, as its URL and its batcher."""
    with bound("127.0.0.1", 0) as listener:
        batcher = Batcher(judge, window=window)
        server = server_of(judge, rules or Rules(), batcher)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield address("127.0.0.1", listener), batcher
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Batcher]]:
    with running(Judge(SPECS, clip="scenes-clip")) as url_and_batcher:
        yield url_and_batcher


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[str]:
    """The files of three scenes."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        sample("train", number).draw().save(folder / f"{number}.png")
    return [str(folder / f"{number}.png") for number in range(3)]


def texts_of(number: int) -> list[str]:
    return list(references(sample("train", number)))


def directly(caption: str, photo: str, texts: list[str]) -> dict[str, float]:
    """The total and the terms of a caption, by the rewards themselves."""
    mix = build([parse(spec) for spec in SPECS], Context())
    total, parts = mix([Example("x", picture_of(photo, "x"), tuple(texts))], [[caption]])
    return {"score": total.item(), **{key: values.item() for key, values in parts.items()}}


def test_dozens_of_clients_at_once_have_the_numbers_of_direct_calls(server, photos):
    url, batcher = server
    asked = [(TEXTS[n % 6], n % 3, n % 2) for n in range(60)]

    def client(caption: str, number: int, as_bytes: int) -> dict[str, float]:
        """A call as verl's reward manager makes it, with references as an array of a parquet file."""
        return verl.compute_score(
            data_source="scenes",
            solution_str=caption,
            ground_truth="",
            extra_info={"image": photos[number], "references": np.array(texts_of(number), object), "num_turns": None},
            reward_router_address=None,
            reward_model_tokenizer=None,
            url=url,
            pictures="bytes" if as_bytes else "path",
        )

    before = batcher.batches
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda given: client(*given), asked))
    expected = {(caption, number): directly(caption, photos[number], texts_of(number)) for caption, number, _ in asked}
    for (caption, number, _), answer in zip(asked, answers):
        assert answer == pytest.approx(expected[caption, number], abs=1e-6)
    assert batcher.batches - before < 30  # 60 requests were scored together


def test_a_batch_keeps_its_order_and_a_cut_caption_is_told(server, photos):
    url, _ = server
    items = [item(text, photos[0], texts_of(0)) for text in (*TEXTS, Cut(TEXTS[1]))]
    scores = ask(url, {"items": items})["scores"]
    for text, score in zip((*TEXTS, Cut(TEXTS[1])), scores):
        assert score["total"] == pytest.approx(directly(text, photos[0], texts_of(0))["score"], abs=1e-6)
    assert scores[1]["total"] != scores[-1]["total"]


def test_easyr1_scores_by_the_server_and_by_itself_alike(server, photos):
    inputs = [
        {"response": text, "response_length": 3 + n, "ground_truth": {"image": photo, "references": texts_of(n)}}
        for n, (text, photo) in enumerate(zip(TEXTS, photos))
    ]
    inputs[0]["ground_truth"] = json.dumps(inputs[0]["ground_truth"])
    captions = [TEXTS[0], Cut(TEXTS[1]), Cut(TEXTS[2])]
    own = easyr1.compute_score(inputs, reward=" ".join(SPECS), clip="scenes-clip", limit=4)
    asked = easyr1.compute_score(inputs, url=server[0], limit=4)
    for number, caption in enumerate(captions):
        expected = directly(caption, photos[number], texts_of(number))
        for found in (own[number], asked[number]):
            assert {"score": found["overall"], **found} == pytest.approx(
                {"overall": found["overall"], **expected}, abs=1e-6
            )


def raw(url: str, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
    """Status and body of an answer."""
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/score", b"{", 400, "no JSON"),
        ("POST", "/score", b'{"caption": "a"}', 422, "the item: no picture"),
        ("POST", "/score", b'{"items": [{"caption": "a", "image": {"base64": "AAAA"}}]}', 422, "item 0: no references"),
        (
            "POST",
            "/score",
            b'{"items": [{"caption": "a", "image": {"base64": "AAAA"}, "references": "b"}]}',
            422,
            "item 0: no picture of a known format",
        ),
        ("POST", "/scores", b"", 404, "there are POST /score"),
        ("GET", "/score", b"", 405, "there are POST /score"),
        ("POST", "/score", b" " * (33 * 2**20), 413, "send fewer items"),
    ],
)
def test_bad_requests_have_one_line_and_the_server_goes_on(server, photos, method, path, body, status, words):
    found, text = raw(server[0], method, path, body)
    assert found == status and words in json.loads(text)["error"] and "\n" not in text
    assert ask(server[0], item("a dog", photos[0], texts_of(0)))["total"] > 0


def test_a_refusal_tells_the_trainer_what_to_do(server, photos):
    with pytest.raises(
        ValueError, match=r"no picture, which refclips needs; the picture is the path in extra_info\['image'\]"
    ):
        verl.compute_score("scenes", "a dog", ["a dog"], {}, url=server[0])
    with pytest.raises(ValueError, match="refused: item 0: no references"):
        easyr1.compute_score(
            [{"response": "a", "response_length": 1, "ground_truth": {"image": photos[0]}}], url=server[0]
        )
    with pytest.raises(
        ValueError, match=r'reward_inputs\[0\]: no picture, which clips needs; give ground_truth as {"image": PATH'
    ):
        easyr1.compute_score([{"response": "a", "response_length": 1, "ground_truth": "a dog"}], reward="clips")


def test_health_tells_rewards_and_work(server):
    status, text = raw(server[0], "GET", "/health")
    facts = json.loads(text)
    assert status == 200 and facts["status"] == "ok" and list(facts["rewards"]) == ["refclips", "rouge_l", "repetition"]
    assert facts["rewards"]["rouge_l"]["weight"] == 0.5 and facts["rewards"]["refclips"]["signature"].startswith(
        "RefCLIP"
    )
    assert facts["scored"] >= 0 and facts["waiting"] == 0


@pytest.fixture
def picky() -> Iterator[None]:
    """A reward that fails at one caption."""

    @register("picky")
    def picky_reward(context):
        def reward(examples, captions):
            if any(text == "bad" for texts in captions for text in texts):
                raise KeyError("bad")
            return torch.tensor([[float(len(text)) for text in texts] for texts in captions])

        return reward

    yield
    del ENTRIES["picky"]


def test_a_caption_at_which_a_reward_fails_fails_alone(picky):
    def client(text: str) -> object:
        try:
            return ask(url, item(text, None, []))["total"]
        except ValueError as error:
            return str(error)

    with running(Judge(["picky"]), window=0.2) as (url, batcher), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client, ["a", "bb", "bad", "cccc"]))
    assert [answers[0], answers[1], answers[3]] == [1.0, 2.0, 4.0]
    assert "reward picky failed: KeyError: 'bad'" in answers[2]


def test_a_busy_server_asks_to_come_again(monkeypatch):
    monkeypatch.setattr("captioner.serving.batching.MOST_WAITING", 2)
    three = json.dumps({"items": [{"caption": "a"}] * 3}).encode()
    with running(Judge(["repetition"])) as (url, batcher):
        assert raw(url, "POST", "/score", three)[0] == 200  # nothing waits: a large request is scored
        batcher.waiting = 1
        status, text = raw(url, "POST", "/score", three)
        batcher.waiting = 0
    assert status == 503 and "busy: 1 captions wait" in text


def test_without_a_server_the_client_says_how_to_start_one():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(OSError, match="start one: captioner serve --reward"):
        verl.compute_score("scenes", "a dog", "a dog", url=url)


@pytest.mark.parametrize(("host", "any_path"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)])
def test_paths_are_read_for_clients_of_this_machine_alone(host, any_path, tmp_path):
    assert rules_of(host, "", 1, 1).any_path == any_path
    assert rules_of(host, str(tmp_path), 1, 1).folder == tmp_path


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--reward", "clisp"], "did you mean clips"),
        (["--reward", "clips", "--images", "nowhere"], "--images nowhere: no such folder"),
        (["--reward", "repetition", "--scale", "unit"], "unit:least=A,most=B"),
        (["--reward", "repetition", "--port", "99999"], "type another --host or --port"),
        (["--reward", "repetition", "--host", "192.0.2.1"], "type another --host or --port"),
    ],
)
def test_a_server_that_cannot_be_is_told_in_one_line(words, line, capsys):
    assert main(["serve", "--port", "0", *words]) == 2
    said = capsys.readouterr().err
    assert line in said and said.count("\n") == 1


def test_a_taken_port_is_told(capsys):
    with bound("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        assert main(["serve", "--reward", "repetition", "--port", port]) == 2
    assert f"cannot serve on 127.0.0.1:{port}" in capsys.readouterr().err


def test_the_command_serves_until_ctrl_c():
    command = [sys.executable, "-m", "captioner", "serve", "--reward", "repetition:n=1", "--port", "0"]
    kept = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kept)
    with process, ExitStack() as at_the_end:
        at_the_end.callback(process.kill)
        url = re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        assert raw(url, "GET", "/health")[0] == 200
        assert ask(url, item("a a", None, []))["total"] == -1.0
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in said
    assert "the server is closed; 1 captions were scored" in said
