"""All sections of this API: with their services, and as declarations for what needs none (documents, tables)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI

from vivavoce.accounts.accounts import Accounts
from vivavoce.api.app import DocumentApi, api_app
from vivavoce.api.apps import AppsApi
from vivavoce.api.audit import AuditApi
from vivavoce.api.auth import AuthApi
from vivavoce.api.conversations import ConversationsApi
from vivavoce.api.doctor import DoctorApi
from vivavoce.api.me import MeApi
from vivavoce.api.routing import Declared, Section
from vivavoce.api.sessions import SessionsApi
from vivavoce.api.settings import SettingsApi
from vivavoce.api.shared import SharedApi
from vivavoce.api.statistics import StatisticsApi
from vivavoce.api.users import UsersApi
from vivavoce.archive.reading import Reading
from vivavoce.registry.registry import Registry

SECTIONS: Final[tuple[type[Section], ...]] = (
    AuthApi,
    MeApi,
    UsersApi,
    AppsApi,
    SessionsApi,
    ConversationsApi,
    SharedApi,
    StatisticsApi,
    AuditApi,
    SettingsApi,
    DoctorApi,
)


def of_accounts(accounts: Accounts) -> list[Section]:
    """What the accounts answer."""
    return [
        AuthApi(accounts.credentials, accounts.sign_ins, accounts.tickets),
        MeApi(accounts.users, accounts.credentials, accounts.sign_ins, accounts.api_tokens),
        UsersApi(accounts.users, accounts.sign_ins, accounts.links),
        AuditApi(accounts.audit, accounts.audit_check),
    ]


def of_registry(registry: Registry) -> list[Section]:
    """What the registry answers."""
    return [AppsApi(registry.apps), SessionsApi(registry.sessions), SettingsApi(registry.overrides)]


def of_archive(reading: Reading, share_days: Callable[[], int]) -> list[Section]:
    """What the archive answers; `share_days`: life of a link where nothing else is said."""
    return [ConversationsApi(reading, share_days), SharedApi(reading), StatisticsApi(reading.statistics)]


def declarations() -> tuple[Declared, ...]:
    """Every route there is."""
    every: tuple[type[Section], ...] = (*SECTIONS, DocumentApi)
    return tuple(one for section in every for one in section.routes.declared)


def documented_app() -> FastAPI:
    """The application for its document only: its sections were never made, so nothing in it can answer."""
    return api_app([section.__new__(section) for section in SECTIONS], None)
