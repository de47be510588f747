"""obstore's stores, each of which is a bucket, as boto3's client of the same place has it.

boto3 says where a bucket is asked, and for which region: it is let send a request that goes nowhere, as no other way to
its address has all its rules. obstore would read variables that are meant for AWS, and proxies: it sees none of them.
"""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from palleto.cloud.places.isolation import AWS_VARIABLES, hidden

_NO_PROXY = {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": "*,0.0.0.0/0,::/0"}
"""A proxy that is asked for nothing: where none is named, obstore takes the environment's."""


class Stores:
    """Makes the stores of one place.

    client:      boto3's client of S3 there: its addresses, its region and its timeouts hold here too.
    credentials: called for them, and for when to ask again: obstore's `Boto3CredentialProvider`.
    verify:      as boto3's: whether the server's certificate must be valid, or a file of those that may sign it.
                 obstore trusts what the system trusts as well.
    proxies:     whether the environment's proxies are asked.
    """

    def __init__(self, client: Any, credentials: Any, *, verify: bool | str, proxies: bool) -> None:
        self._client = client
        self._credentials = credentials
        self._verify = verify
        self._proxies = proxies
        self._asking = threading.local()
        client.meta.events.register("before-send.s3.GetObject", self._look)

    def __repr__(self) -> str:
        return f"<Stores of {self._client.meta.endpoint_url}>"

    def make(self, bucket: str) -> Any:
        """The store of a bucket; None where boto3 knows no address for one of that name. It blocks for some 30 ms."""
        from botocore.exceptions import BotoCoreError
        from botocore.httpsession import get_cert_path
        from botocore.utils import get_environ_proxies
        from obstore.store import S3Store

        try:
            address, region = self._address(bucket)
        except BotoCoreError:
            return None
        config = self._client.meta.config
        options: Any = {
            "allow_http": True,
            "allow_invalid_certificates": not self._verify,
            "connect_timeout": f"{config.connect_timeout:g} s",
            "read_timeout": f"{config.read_timeout:g} s",
            "timeout": "30 days",  # for all of an object, of whatever size
            "user_agent": "palleto",
        }
        if self._verify and address.startswith("https:"):
            options["root_certificate"] = Path(get_cert_path(self._verify)).read_bytes()
        proxy = get_environ_proxies(address).get(address.partition(":")[0]) if self._proxies else None
        options |= {"proxy_url": proxy} if proxy else _NO_PROXY
        with hidden(*AWS_VARIABLES):
            return S3Store(
                bucket,
                endpoint=address,
                virtual_hosted_style_request=True,  # the bucket is in the address, wherever it belongs
                region=region,
                client_options=options,
                retry_config={"max_retries": 0},  # boto3 tries again
                credential_provider=self._credentials,
            )

    def _address(self, bucket: str) -> tuple[str, str]:
        """Where boto3 asks for the objects of a bucket, without the `/` before their keys, and for which region."""
        self._asking.request = None
        try:
            self._client.get_object(Bucket=bucket, Key="-")
            request = self._asking.request
        finally:
            del self._asking.request
        authorization = request.headers["Authorization"]
        said = authorization.decode() if isinstance(authorization, bytes) else authorization
        _, _, region, *_ = said.partition("Credential=")[2].split("/")
        return request.url.removesuffix("/-"), region

    def _look(self, request: Any, **more: Any) -> Any:
        """In a thread that asks for an address: keep the request, and answer it in S3's stead."""
        if not hasattr(self._asking, "request"):
            return None
        from botocore.awsrequest import AWSResponse

        self._asking.request = request
        return AWSResponse(request.url, 200, {}, io.BytesIO())
