"""What `palleto lab` opens: the index, beside the steps that the notebooks link to, on this machine only."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from typing import Any

import pytest

from palleto.cloud.places.localstack.instance import listened_on

pytestmark = pytest.mark.browser


@pytest.mark.usefixtures("lab")  # in which the index has been open
def test_its_address_opens_the_index(lab_address: str):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/lab/tree/notebooks/index\.ipynb\?token=\w+", lab_address)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net")
def test_it_listens_on_loopback_only(lab_address: str):
    assert listened_on(int(lab_address.split(":")[2].partition("/")[0])) == {"127.0.0.1"}


def test_a_step_is_beside_it_and_no_news_are_offered(lab_address: str):
    def answer(path: str) -> Any:
        with urllib.request.urlopen(lab_address.replace("lab/tree/notebooks/index.ipynb", path)) as answered:
            return json.load(answered)

    assert answer("api/contents/steps/step5.py")["path"] == "steps/step5.py"
    settings = answer("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"
