"""What may be refused about a report. Each leaves everything as it was."""

from __future__ import annotations

from qixia.kernel.errors import Conflict, Invalid, NotAllowed, Stale, TooMany


class NoPhoto(Invalid):
    code = "reports.no_photo"
    message = "请至少拍一张照片。"


class TooManyPhotos(Invalid):
    code = "reports.too_many_photos"
    message = "最多 %(limit)d 张照片，现在 %(given)d 张。"


class TooManyClips(Invalid):
    code = "reports.too_many_clips"
    message = "最多 %(limit)d 段视频，现在 %(given)d 段。"


class NoPlace(Invalid):
    code = "reports.no_place"
    message = "还不知道在哪里：请打开定位，或在地图上点一下。"


class NeedsConsent(NotAllowed):
    """The rider has not agreed, or agrees no longer, to what this needs. `field` says to what."""

    code = "reports.needs_consent"
    message = "你还没有同意使用照片。到“我的”里的“同意事项”打开，就可以上报。"


class NeedsPlaceConsent(NeedsConsent):
    message = "你没有同意自动定位。可以在地图上点一下位置，或到“同意事项”里打开。"


class UnknownClass(Invalid):
    code = "reports.unknown_class"
    message = "没有这个类别，请重新选一个。"


class UnknownUnit(Invalid):
    code = "reports.unknown_unit"
    message = "没有这个承办单位，请重新选一个。"


class NeedsAfterPhoto(Invalid):
    code = "reports.needs_after_photo"
    message = "请附一张处理后的照片。"


class NothingStored(Conflict):
    """The report is anonymous: who sent it is not known to anybody here."""

    code = "reports.nothing_stored"
    message = "这件是匿名上报，系统里没有存是谁报的，无从打开。"


class NoAlarm(Conflict):
    code = "reports.no_alarm"
    message = "这一件不是特急，没有警报。"


class AlarmTaken(Stale):
    """Of two who answer an alarm one has it."""

    code = "reports.alarm_taken"
    message = "%(name)s在 %(at)s 已经接手这一件。"


class ImportedBefore(Conflict):
    """The very file, by another clerk."""

    code = "reports.imported_before"
    message = "这个文件 %(name)s 在 %(at)s 已经导入过。"


class ImportMovedOn(Stale):
    code = "reports.import_moved_on"
    message = "这一批的情况刚刚变了，请刷新后再看。"


class CopiedPhoto(Invalid):
    """The very file of a photo that the case has already."""

    code = "reports.copied_photo"
    message = "第 %(ordinal)d 张在这一件里已经有了。请拍一张处理后的照片。"


class LooksCopied(Invalid):
    """Nobody is refused by a machine: a person may verify all the same, and says why."""

    code = "reports.looks_copied"
    message = "处理后的照片疑似复制自处理前的照片。如果你确认已经处理好，请写明依据再通过。"


class StepNotAllowed(Conflict):
    """The report is in a state from which this step does not lead on."""

    code = "reports.step_not_allowed"
    message = "现在是“%(state)s”，不能“%(step)s”。请刷新后再看。"


class NotYours(NotAllowed):
    """The actor is not the party that takes this step."""

    code = "reports.not_yours"
    message = "这一步不归你办。"


class SomebodyWasFaster(Stale):
    code = "reports.stale"


class SameReport(Invalid):
    code = "reports.same_report"
    message = "这两件本来就是一件。"


class LeadNotOpen(Conflict):
    """What is done takes no other report in: either the hazard is back, or it was not mended."""

    code = "reports.lead_not_open"
    message = "先报的一件现在是“%(state)s”，不能再并入别的。"


class CannotUndo(Conflict):
    """The case went on, so what was recorded before the merge is not true any more. `why` says how."""

    code = "reports.cannot_undo"
    message = "不能撤销并入：%(why)s"


class OfferGone(Conflict):
    """What was offered to this rider is open no longer, or was offered to somebody else, or long ago."""

    code = "reports.offer_gone"
    message = "这一件的情况刚刚变了，请照常上报。"


class TooManySupports(TooMany):
    code = "reports.too_many_supports"
    message = "一天最多支持 %(limit)d 件。看到新的隐患，照常上报就好。"


class TooManyReports(TooMany):
    code = "reports.too_many"
    message = "一小时内最多上报 %(limit)d 件，请稍后再报。紧急情况请直接拨打 110、119 或 120。"


class NoReporter(Conflict):
    """No rider sent it: a part of a case, or an import."""

    code = "reports.no_reporter"
    message = "这件不是骑手报来的：它是拆出来的一部分，或是录入的。要查拆分前的那一件，请用它的编号。"


class WrongParts(Invalid):
    code = "reports.wrong_parts"
    message = "拆分要写 %(least)d 到 %(most)d 部分。"


class PartsAlike(Invalid):
    code = "reports.parts_alike"
    message = "每个单位只写一部分，请合并给同一单位的内容。"


class PartOfCase(Conflict):
    """What is a part is decided with the whole."""

    code = "reports.part_of_case"
    message = "这是拆出来的一部分，这一步要在整件上办。"


class SameUnit(Invalid):
    code = "reports.same_unit"
    message = "这件本来就在这家单位，请选另一家。"


class WentThere(Invalid):
    """A unit that said "not ours" is not named again: the report would go in circles."""

    code = "reports.went_there"
    message = "%(unit)s已经说过这件不归它办。请选另一家，或者提请督办决定。"


class ReturnsUsedUp(Conflict):
    code = "reports.returns_used_up"
    message = "这件已经退回过 %(limit)d 次，不能再退给别的单位。请提请督办决定由谁办。"


class DecidedAlready(Conflict):
    code = "reports.decided_already"
    message = "督办已经决定由你单位办，不能再退回。确有困难，请申请延期或请其他单位协办。"


class CannotObject(Conflict):
    """Only a unit that another one named objects, and only once."""

    code = "reports.cannot_object"
    message = "只有被别的单位退过来的才能提异议，而且只能提一次。"


class HelperAsked(Invalid):
    code = "reports.helper_asked"
    message = "已经请%(unit)s协办，它还没办完。"


class TooManyHelpers(TooMany):
    code = "reports.too_many_helpers"
    message = "同时最多请 %(limit)d 家单位协办。"


class HelpersOpen(Conflict):
    """The lead is done when its helpers are."""

    code = "reports.helpers_open"
    message = "%(units)s的协办部分还没办完。等它办完，或者说明理由不再需要它协办，再办结。"


class AlreadyPaused(Conflict):
    code = "reports.already_paused"
    message = "已经暂停计时了。"


class NoMorePauses(Conflict):
    code = "reports.no_more_pauses"
    message = "这一轮的暂停时间已经用完，合起来最多 %(most)s。"


class NotPaused(Conflict):
    code = "reports.not_paused"
    message = "现在没有暂停计时。"


class ExtensionWaits(Conflict):
    """One request at a time."""

    code = "reports.extension_waits"
    message = "上一次延期申请还没有决定。"


class NoMoreExtensions(Conflict):
    code = "reports.no_more_extensions"
    message = "已经延过期，不能再申请。办不完请向督办员说明。"


class NothingAsked(Conflict):
    code = "reports.nothing_asked"
    message = "没有等决定的延期申请。"


class FaultyCatalogue(Invalid):
    """A row of the dispatch catalogue names what does not exist, or says what another row says."""

    code = "reports.faulty_catalogue"
    message = "第 %(row)d 行有误：%(what)s（%(named)s）。"


class NotToBeStudied(Conflict):
    code = "reports.not_to_be_studied"
    message = "紧急和特急的事按时限办，不能约期答复。"


class NotStudied(Conflict):
    """Only what has to be studied is answered by a day that the unit names (rule reports.ways)."""

    code = "reports.not_studied"
    message = "这类事按时限办，不能约期答复。"


class PromiseTooLate(Conflict):
    code = "reports.promise_too_late"
    message = "时限已经过了，不能再约期答复。要更多时间，请申请延期。"


class DoesNotAct(UnknownUnit):
    code = "reports.does_not_act"
    message = "%(unit)s不是办事的单位，请选处置单位、物业或社区。"


class NobodyThere(Invalid):
    code = "reports.nobody_there"
    message = "%(unit)s还没有经办人，请选别的单位。"


class PromisedAlready(Conflict):
    code = "reports.promised_already"
    message = "这件已经约过答复日期。要更多时间，请申请延期。"


class TasksOpen(Conflict):
    code = "reports.tasks_open"
    message = "还有任务没有完成，都完成了才能办结。"


class LinkedElsewhere(Conflict):
    code = "reports.linked_elsewhere"
    message = "编号 %(number)s 已经在另一项联合办理里。"


class UndertakingOver(Conflict):
    code = "reports.undertaking_over"
    message = "这项联合办理已经结束。"


class TooFar(Invalid):
    """The phone is not at the place that was to be looked at."""

    code = "reports.too_far"
    message = "你离那里还有约 %(distance)d 米，走近到 %(within)d 米以内再拍。"


class NotNow(Invalid):
    """The photo says itself that it was taken long before."""

    code = "reports.not_now"
    message = "这张照片不是刚才拍的。请在现场现拍一张。"


class NotForYou(NotAllowed):
    """Whoever reported or supports it can't be the one who looks for others."""

    code = "reports.not_for_you"
    message = "你报过或支持过这一件，请别人去看。"


class UnknownReason(Invalid):
    code = "reports.unknown_reason"
    message = "请从列出的理由里选一个。"


class TooLateToAppeal(Conflict):
    code = "reports.too_late_to_appeal"
    message = "认定后 %(days)d 天内可以申诉，现在已经过了。"


class AppealedBefore(Conflict):
    code = "reports.appealed_before"
    message = "这一件已经申诉过一次，结果在经过里。"


class NoAppeal(Conflict):
    code = "reports.no_appeal"
    message = "这一件没有等着决定的申诉。"


class OwnWork(NotAllowed):
    """Nobody looks whether the own work is done."""

    code = "reports.own_work"
    message = "这一件是你自己办结的，请别的同事来核实。"


class OwnReport(NotAllowed):
    """Nobody judges an own report."""

    code = "reports.own_report"
    message = "这一件是你自己上报的，请别的同事来处理。"
