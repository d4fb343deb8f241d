"""The client's types against the OpenAPI document: what it reads is what the server writes."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from vivavoce.api.app import openapi
from vivavoce.api.sections import documented_app
from vivavoce.client import forms

SCHEMAS: Final[dict[str, Any]] = openapi(documented_app())["components"]["schemas"]

PAIRS: Final[dict[type[msgspec.Struct], str]] = {
    forms.User: "UserView",
    forms.SignedIn: "SignedIn",
    forms.Me: "MeView",
    forms.SignIn: "SignInView",
    forms.Token: "TokenView",
    forms.NewToken: "NewTokenView",
    forms.Link: "LinkView",
    forms.AppSummary: "AppSummary",
    forms.App: "AppView",
    forms.AppBody: "AppBody",
    forms.AppVersion: "VersionView",
    forms.Session: "SessionView",
    forms.Match: "MatchView",
    forms.Conversation: "ConversationView",
    forms.Sound: "SoundView",
    forms.Share: "ShareView",
    forms.NewShare: "MadeShare",
    forms.Detail: "ConversationDetail",
    forms.Stage: "StageView",
    forms.Turn: "TurnForm",
    forms.Inspection: "InspectionView",
    forms.Peaks: "PeaksView",
    forms.Receipt: "ReceiptView",
    forms.Shared: "SharedConversation",
    forms.Activity: "ActivityView",
    forms.Statistics: "StatisticsView",
    forms.Entry: "EntryView",
    forms.Chain: "ChainView",
    forms.Setting: "SettingView",
    forms.Settings: "SettingsView",
    forms.InUse: "InUseView",
    forms.Check: "CheckView",
    forms.Doctor: "DoctorView",
    forms.Tried: "TryView",
}


@pytest.mark.parametrize(("form", "schema"), PAIRS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_form_reads_what_the_server_writes(form: type[msgspec.Struct], schema: str) -> None:
    written = SCHEMAS[schema]["properties"]
    for field in msgspec.structs.fields(form):
        assert field.encode_name in written, f"{schema} has no {field.encode_name}"


def test_every_form_is_compared() -> None:
    every = {one for one in vars(forms).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)}
    assert every - {msgspec.Struct} == set(PAIRS)
