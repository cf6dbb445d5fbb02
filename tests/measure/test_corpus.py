"""The recordings: as the manifest says, and small enough to come with the package."""

import pytest

from voicebot.errors import ConfigError
from voicebot.measure import corpus
from voicebot.measure.corpus import FOLDER, active_dbov, extent, load

CLIPS = load().clips


def test_every_file_is_in_the_manifest_and_the_other_way_round() -> None:
    files = {file.name for file in FOLDER.iterdir()}
    listed = {f"{clip.name}.ulaw" for clip in CLIPS}
    assert files == {*listed, "manifest.yaml", "ATTRIBUTION.md"}
    assert len(listed) == len(CLIPS)


def test_the_corpus_is_small() -> None:
    assert sum(len(clip.ulaw) for clip in CLIPS) < 1_200_000


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_a_clip_is_as_the_manifest_says(clip: corpus.Clip) -> None:
    assert len(clip.ulaw) % 160 == 0
    assert extent(clip.samples) == (clip.onset_ms, clip.end_ms)
    assert active_dbov(clip.samples) == pytest.approx(-22, abs=0.6)
    assert clip.licence
    assert bool(clip.words) is (
        clip.kind in ("bot", "interruption", "soft", "backchannel")
    )


def test_there_is_enough_of_every_kind() -> None:
    counts = {kind: len(load().of(kind)) for kind in {clip.kind for clip in CLIPS}}
    assert counts["interruption"] + counts["soft"] >= 60
    assert counts["backchannel"] >= 20
    assert counts["cough"] >= 6
    assert counts["bot"] >= 30
    assert counts["music"] == 2
    assert len({clip.speaker for clip in load().of("interruption")}) >= 6


def test_every_licence_is_attributed() -> None:
    text = (FOLDER / "ATTRIBUTION.md").read_text("utf-8")
    for clip in CLIPS:
        prefix = clip.name.split("_")[0]
        assert f"`{prefix}_" in text, clip.name


def test_another_file_than_the_manifests_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = {"file": "joe_wait.ulaw", "sha256": "0" * 64}
    with pytest.raises(ConfigError, match=r"joe_wait.ulaw: expected sha256 000000"):
        corpus._clip(entry)
