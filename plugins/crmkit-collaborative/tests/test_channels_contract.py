"""Each of the plugin's own channels keeps what channels promise."""

from importlib.util import find_spec

import pytest
from crmkit_collaborative.testing import ChannelContract


@pytest.fixture
def crm_plugins():
    # The exchange plugin knows the forms of telephone numbers; without it they are taken as they are.
    return ["collaborative", *(["exchange"] if find_spec("crmkit_exchange") else [])]


class TestEmail(ChannelContract):
    name = "email"
    addresses = ("Kim@Hanbit.example", "lee@hanbit.example")


class TestPhone(ChannelContract):
    name = "phone"
    addresses = ("010-2345-6701", "+49 30 901820")


class TestSms(ChannelContract):
    name = "sms"
    addresses = ("010-2345-6701", "010-2345-6702")


class TestKakao(ChannelContract):
    name = "kakao"
    addresses = ("hanbit_kim", "김지원")


class TestChat(ChannelContract):
    name = "chat"
    addresses = ("visitor-17", "visitor-18")


class TestMeeting(ChannelContract):
    name = "meeting"


class TestLetter(ChannelContract):
    name = "letter"
    addresses = ("서울 중구 세종대로 110", "부산 연제구 중앙대로 1001")


class TestSocial(ChannelContract):
    name = "social"
    addresses = ("@hanbit", "@Hanbit_Support")


class TestWithoutExchange(TestEmail):
    """The channels do not need the plugin that knows how addresses are written."""

    @pytest.fixture
    def crm_plugins(self):
        return ["collaborative"]
