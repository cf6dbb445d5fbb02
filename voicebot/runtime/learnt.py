"""`stepfun.json` in the data folder: what `voicebot doctor` has learnt of the model."""

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from voicebot.config import Settings
from voicebot.doctor.learnt import Learnt, read_learnt, why_useless, write_learnt
from voicebot.errors import ConfigError, RemoteProtocolError
from voicebot.stepfun.realtime.history import Means

log = structlog.get_logger()

FILE: Final = "stepfun.json"


def keep_learnt(folder: Path, learnt: Learnt) -> Path:
    """
    Write down what was learnt, for servers that are started from now on.

    Raises:
        ConfigError: it can't be written.
    """
    path = folder / FILE
    half = path.with_suffix(".new")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        half.write_bytes(write_learnt(learnt))
        half.replace(path)  # a server that starts now reads the old one, or the new
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    return path


def what_models_refuse(
    settings: Settings, now: datetime
) -> defaultdict[str, set[Means]]:
    """
    Return, by model, what is known to be refused of repairs. Calls add to it.

    What can't be read, is too old or of another base URL doesn't count, and is logged:
    the first call that needs a repair finds out by itself.
    """
    refused = defaultdict[str, set[Means]](set)
    path = settings.data / FILE
    try:
        learnt = read_learnt(path.read_bytes())
    except FileNotFoundError:
        return refused
    except (OSError, RemoteProtocolError) as exc:
        log.warning("what doctor learnt is unreadable", file=FILE, error=str(exc))
        return refused
    if why := why_useless(learnt, settings.stepfun_base_url, now):
        log.warning("what doctor learnt doesn't count: run it again", why=why)
        return refused
    refused[learnt.model] = set(learnt.refuses)
    log.info("doctor learnt", model=learnt.model, refuses=sorted(learnt.refuses))
    return refused
