"""Recordings in S3, or in what speaks as it does."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from voicebot.errors import ConfigError, StoreError


class Bucket:
    """
    Where recordings go in S3, or what speaks as it does.

    Args:
        url: `s3://bucket/prefix`.
        endpoint: of another server than Amazon's.
        key_id, secret: if there are none, they are found as Amazon's tools find them.

    Raises:
        ConfigError: obstore isn't installed.
    """

    def __init__(
        self,
        url: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        key_id: str | None = None,
        secret: str | None = None,
    ) -> None:
        try:
            import obstore
            from obstore.store import S3Store
        except ModuleNotFoundError as exc:
            raise ConfigError(
                f"recordings in a bucket need {exc.name}: pip install voicebot[s3]"
            ) from None
        parts = urlsplit(url)
        self._io: Any = obstore
        self._failures = (obstore.exceptions.BaseError, OSError)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        asked: dict[str, Any] = {
            "endpoint": endpoint,
            "region": region or ("us-east-1" if endpoint else None),
            "access_key_id": key_id,
            "secret_access_key": secret,
        }
        local = bool(endpoint and endpoint.startswith("http://"))
        self._store = S3Store(
            self._bucket,
            virtual_hosted_style_request=not endpoint,
            client_options={"allow_http": local, "timeout": "60s"},
            retry_config={"max_retries": 2},
            **{name: value for name, value in asked.items() if value},
        )

    def place(self, folder: Path, path: Path) -> str:
        """Say where a file of the folder is to be."""
        key = Path(self._prefix, path.relative_to(folder)).as_posix()
        return f"s3://{self._bucket}/{key}"

    def has(self, place: str) -> bool:
        """Whether a place is in this bucket."""
        return place.startswith(f"s3://{self._bucket}/")

    async def put(self, path: Path, size_bytes: int, place: str) -> None:
        """
        Upload a file, and see that it is there as a whole.

        Raises:
            StoreError: it isn't.
        """
        key = self._key(place)
        try:
            await self._io.put_async(self._store, key, path)
            there = (await self._io.head_async(self._store, key))["size"]
        except self._failures as exc:
            raise self._error(place, exc) from None
        if there != size_bytes:
            raise StoreError(f"{place}: expected {size_bytes} bytes there, got {there}")

    async def get(self, place: str) -> bytes:
        """
        Raises:
            StoreError: it isn't there, or can't be had.
        """
        try:
            found = await self._io.get_async(self._store, self._key(place))
            return bytes(await found.bytes_async())
        except self._failures as exc:
            raise self._error(place, exc) from None

    async def remove(self, place: str) -> bool:
        """
        Remove a recording, and see that it is gone; whether it was there.

        Raises:
            StoreError: it may still be there.
        """
        key = self._key(place)
        try:
            was_there = await self._is_there(key)
            if was_there:
                await self._io.delete_async(self._store, key)
                if await self._is_there(key):
                    raise StoreError(f"{place}: it is still there")
        except self._failures as exc:
            raise self._error(place, exc) from None
        return was_there

    async def _is_there(self, key: str) -> bool:
        try:
            await self._io.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def _key(self, place: str) -> str:
        return urlsplit(place).path.lstrip("/")

    def _error(self, place: str, exc: BaseException) -> StoreError:
        # Its own text may hold an address with a signature.
        return StoreError(f"{place}: {type(exc).__name__}")
