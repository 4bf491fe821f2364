"""What may go wrong in the domain, in one family.

A rule or a service raises a subclass of `DomainError`; one place at the edge (qixia.ui.middleware) turns it into a
form message, an htmx fragment or problem+json. `message` is a Chinese msgid for gettext with `%(name)s` places that
`context` fills, so this module needs no translation machinery. A DomainError always means: nothing has changed.
"""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal that the user can understand. `field` names the form field that it is about."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    message: str = "没有办成，数据没有改动。"

    def __init__(self, message: str | None = None, *, field: str | None = None, **context: Any) -> None:
        self.message = message or type(self).message
        self.field = field
        self.context = context
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message % self.context if self.context else self.message


class Invalid(DomainError):
    """The input cannot be taken as it is."""

    code = "invalid"
    status = 422
    message = "填写的内容有误。"


class NotSignedIn(DomainError):
    code = "not_signed_in"
    status = 401
    message = "请先登录，填好的内容还在。"


class NotAllowed(DomainError):
    """Known person, but not for him or her."""

    code = "not_allowed"
    status = 403
    message = "你没有办这件事的权限。"


class NotFound(DomainError):
    """Also raised for what exists but must not be known to exist."""

    code = "not_found"
    status = 404
    message = "没有找到，可能已被移走。"


class Conflict(DomainError):
    code = "conflict"
    status = 409
    message = "和已有的内容冲突，没有改动。"


class Stale(Conflict):
    """The thing was in another state than the caller saw: somebody was faster."""

    code = "stale"
    message = "别人刚刚处理过这一件，请刷新后再看。"


class TooLarge(DomainError):
    code = "too_large"
    status = 413
    message = "内容太大。"


class TooMany(DomainError):
    """A limit on how often. `retry_after` is in seconds."""

    code = "too_many"
    status = 429
    message = "操作太频繁，请稍后再试。"

    def __init__(self, message: str | None = None, *, retry_after: int = 60, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """Something that we need is not there at the moment: nothing was taken in, trying again will help."""

    code = "unavailable"
    status = 503
    message = "系统暂时连不上，这一次没有收下。稍等再试，填好的内容还在。"
    retry_after = 15


class StorageFull(DomainError):
    """No room on the disk. People have to make some; reading goes on."""

    code = "storage_full"
    status = 507
    message = "系统的存储空间满了，这一次没有收下。请过一阵再交，填好的内容还在。"
    retry_after = 300


class NotConfigured(Exception):
    """The installation lacks something without which it must not start. Never shown to users."""
