"""What columns are called: folding their names, and the words for the fields of customers and contacts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

__all__ = ["MEANINGS", "is_elsewhere", "meaning", "plain"]

_WRAPPING = re.compile(r"^(properties\.|property_)|(__c|_c)$")
_BETWEEN = re.compile(r"[\s_.\-/·:]+|\([^)]*\)|\[[^\]]*\]")


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """A column's name folded: `property_first_name`, `First Name` and `FIRSTNAME` are all `firstname`.

    Case, spaces, underscores, dots, dashes, what stands in brackets, and what HubSpot and Salesforce put before and
    behind their own names do not count.
    """
    folded = unicodedata.normalize("NFKC", name).strip().casefold()
    bare = _WRAPPING.sub("", folded)
    return _BETWEEN.sub("", bare) or _BETWEEN.sub("", folded) or folded


MEANINGS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "id", "external id", "record id", "customer id", "contact id", "customer number", "customer no", "member id", "user id",
        "고객번호", "고객 ID", "회원번호", "회원 ID", "고객코드", "거래처코드", "거래처번호", "일련번호",
    ),
    "name": (
        "name", "full name", "display name", "customer", "customer name", "contact name", "client", "client name",
        "이름", "성명", "성함", "고객", "고객명", "고객 이름", "회원명", "담당자명",
    ),
    "company_name": (
        "company name", "account name", "organization 1 - name", "organization name", "organisation name", "business name",
        "회사명", "업체명", "상호", "상호명", "거래처", "거래처명", "기관명", "법인명", "단체명",
    ),
    "given": ("first name", "given name", "forename", "vorname", "명"),
    "family": ("last name", "family name", "surname", "nachname", "성"),
    "organization": ("company", "organization", "organisation", "account", "employer", "회사", "소속", "직장", "업체", "소속기관"),
    "email": (
        "email", "e-mail", "mail", "email address", "e-mail address", "email 1", "e-mail 1 - value", "work email", "primary email",
        "이메일", "메일", "전자우편", "이메일주소", "메일주소", "email주소",
    ),
    "phone": (
        "phone", "telephone", "tel", "phone number", "telephone number", "mobile", "mobile phone", "mobile number",
        "cell", "cell phone", "cellphone", "business phone", "home phone", "work phone", "phone 1 - value", "primary phone", "contact number", "phone no", "tel no", "mobile no", "hp",
        "전화", "전화번호", "휴대폰", "휴대폰번호", "핸드폰", "핸드폰번호", "휴대전화", "휴대전화번호", "연락처", "대표전화", "회사전화",
    ),
    "fax": ("fax", "fax number", "business fax", "팩스", "팩스번호"),
    "web": ("url", "website", "web", "homepage", "web site", "web page", "홈페이지", "홈페이지주소", "웹사이트", "사이트"),
    "owner": ("owner", "account owner", "contact owner", "assigned to", "sales rep", "담당자", "담당", "영업담당", "담당 직원"),
    "tags": ("tags", "labels", "groups", "group membership", "categories", "태그", "분류", "구분", "그룹"),
    "language": ("language", "locale", "언어"),
    "timezone": ("timezone", "time zone", "시간대"),
    "country": ("country", "nation", "국가", "나라"),
    "happened_at": (
        "happened at", "date", "datetime", "time", "timestamp", "created", "created at", "created date", "sent at",
        "일시", "날짜", "일자", "작성일", "작성일시", "등록일", "등록일시", "상담일", "상담일시", "접수일", "접수일시", "문의일", "문의일시", "통화일시",
    ),
    "subject": ("subject", "title", "topic", "제목", "건명"),
    "body": ("body", "text", "message", "content", "description", "note", "notes", "comment", "내용", "상담내용", "본문", "메모", "비고", "문의내용"),
    "direction": ("direction", "방향", "수발신"),
    "channel": ("channel", "채널", "경로", "접수경로"),
}  # fmt: skip
"""What a column of this name holds, in English and Korean; names are compared folded."""

_ENDINGS = {
    "전화번호": "phone",
    "휴대폰번호": "phone",
    "핸드폰번호": "phone",
    "연락처": "phone",
    "휴대폰": "phone",
    "핸드폰": "phone",
    "휴대전화": "phone",
    "전화": "phone",
    "이메일": "email",
    "이메일주소": "email",
    "팩스번호": "fax",
    "팩스": "fax",
    "홈페이지": "web",
    "홈페이지주소": "web",
}
"""What a column holds whose name ends so: 도서관전화번호."""
_ADDRESSES = frozenset(_ENDINGS.values())
_NUMBER = re.compile(r"\d+|value$")
_ELSEWHERE = re.compile(
    r"owner|creat(ed|or)|(modified|updated)by|assign|assistant|manager|supervisor|spouse|sender|referr|salesrep|작성자|등록자|수정자|비서"
)


def _folded() -> Iterator[tuple[str, str]]:
    for means, names in MEANINGS.items():
        yield from ((plain(name), means) for name in names)


_BY_NAME = dict(reversed(list(_folded())))


@lru_cache(maxsize=8192)
def is_elsewhere(name: str) -> bool:
    """Whether what a column holds is another record's: `Owner Email`, and `Account:Phone` as Data Loader writes it."""
    return bool(re.search(r"\w:\w", name) or _ELSEWHERE.search(plain(name)))


@lru_cache(maxsize=8192)
def meaning(name: str) -> str | None:
    """What a column of this name holds, one of `MEANINGS`; None if its name does not tell.

    Of several columns of addresses the number does not count: `Phone 2 - Value`, `휴대폰2`.
    """
    folded = plain(name)
    if folded in _BY_NAME:
        return _BY_NAME[folded]
    bare = _NUMBER.sub("", folded)
    means = _BY_NAME.get(bare) or next((_ENDINGS[e] for e in _ENDINGS if bare.endswith(e)), None)
    return means if means in _ADDRESSES and not is_elsewhere(name) else None
