"""What is said of a file that can't be read."""

from pathlib import Path

from voicebot.errors import ConfigError


def cannot_read(path: Path, error: OSError) -> ConfigError:
    """Say in our words what most often is wrong, and else in the system's."""
    match error:
        case FileNotFoundError():
            why = "no such file"
        case IsADirectoryError():
            why = "is a folder"
        case _:
            why = str(error.strerror)
    return ConfigError(f"{path}: {why}")
