import pytest

from qixia.kernel.errors import DomainError
from qixia.people import rules


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("13800000001", "13800000001"),
        (" 138 0000 0001 ", "13800000001"),
        ("138-0000-0001", "13800000001"),
        ("+86 138 0000 0001", "13800000001"),
        ("008613800000001", "13800000001"),
        ("8613800000001", "13800000001"),
        ("１３８０００００００１", "13800000001"),
        ("＋８６ 138 0000 0001", "13800000001"),
    ],
)
def test_a_phone_is_read_as_people_type_it(typed, number):
    assert rules.mobile_number(typed) == number


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "请填写"),
        ("   ", "请填写"),
        ("1380000000", "现在是 10 位"),
        ("138000000012", "现在是 12 位"),
        ("12800000001", "开头"),
        ("23800000001", "开头"),
        ("1380000000a", "只能有数字"),
        ("१३८०००००००१", "只能有数字"),
        ("1" * 5000, "现在是 40 位"),
        ("13800000001\x00", "只能有数字"),
    ],
)
def test_a_bad_phone_names_the_field(typed, says):
    with pytest.raises(rules.BadPhone) as caught:
        rules.mobile_number(typed)
    assert caught.value.field == "phone"
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "kept"), [("一川", "一川"), ("  一   川 ", "一 川"), ("一\u200b川\n", "一川"), ("🛵", "🛵")]
)
def test_a_nickname_loses_only_what_cannot_be_seen(typed, kept):
    assert rules.nickname(typed) == kept


@pytest.mark.parametrize("typed", ["", "  ", "\u200b", "长" * 17, "找我13800000001"])
def test_a_bad_nickname_is_refused(typed):
    with pytest.raises(rules.BadNickname) as caught:
        rules.nickname(typed)
    assert caught.value.field == "nickname"


@pytest.mark.parametrize(
    ("typed", "ok"), [("", True), ("林某", True), ("阿不都·买买提", True), ("林", False), ("林123", False)]
)
def test_real_names(typed, ok):
    if ok:
        assert rules.real_name(typed) == typed
    else:
        with pytest.raises(rules.BadRealName):
            rules.real_name(typed)


@pytest.mark.parametrize("typed", ["12 34 56", "１２３４５６", "123-456"])
def test_a_code_is_read_as_people_type_it(typed):
    assert rules.typed_code(typed, digits=6) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a"])
def test_a_bad_code_names_the_field(typed):
    with pytest.raises(DomainError) as caught:
        rules.typed_code(typed, digits=6)
    assert caught.value.field == "code"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/mine", "/mine"),
        ("/r/abc?x=1&y=2#z", "/r/abc?x=1&y=2#z"),
        ("//evil.example", ""),
        ("/\\evil.example", ""),
        ("\\\\evil.example", ""),
        ("https://evil.example/", ""),
        ("javascript:alert(1)", ""),
        ("/\t/evil.example", ""),
        ("/\n/evil.example", ""),
        ("mine", ""),
        ("", ""),
        ("/" + "a" * 600, ""),
    ],
)
def test_only_paths_of_this_host_are_returned_to(path, kept):
    assert rules.same_host_path(path) == kept


@pytest.mark.parametrize(("seconds", "says"), [(5, "5 秒"), (61, "2 分钟"), (3600, "1 小时"), (3601, "2 小时")])
def test_waiting_is_said_in_the_largest_unit(seconds, says):
    error = rules.too_often(seconds, field="phone")
    assert says in str(error)
    assert error.retry_after == seconds


@pytest.mark.parametrize("role", rules.ROLES)
def test_staff_never_come_in_by_phone_alone(role):
    assert rules.may_sign_in_by_phone(frozenset({role})) is (role in ("rider", "merchant"))
    assert rules.may_sign_in_by_phone(frozenset({role, "clerk"})) is False
