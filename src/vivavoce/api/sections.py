"""All sections of this API: with their services, and as declarations for what needs none (documents, tables)."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from vivavoce.accounts.accounts import Accounts
from vivavoce.api.app import DocumentApi, api_app
from vivavoce.api.apps import AppsApi
from vivavoce.api.audit import AuditApi
from vivavoce.api.auth import AuthApi
from vivavoce.api.doctor import DoctorApi
from vivavoce.api.me import MeApi
from vivavoce.api.routing import Declared, Section
from vivavoce.api.sessions import SessionsApi
from vivavoce.api.settings import SettingsApi
from vivavoce.api.users import UsersApi
from vivavoce.registry.registry import Registry

SECTIONS: Final[tuple[type[Section], ...]] = (
    AuthApi,
    MeApi,
    UsersApi,
    AppsApi,
    SessionsApi,
    AuditApi,
    SettingsApi,
    DoctorApi,
)


def sections(accounts: Accounts, registry: Registry, doctor: DoctorApi) -> list[Section]:
    """Everything that the accounts and the registry answer, and the doctor."""
    return [
        AuthApi(accounts.credentials, accounts.sign_ins, accounts.tickets),
        MeApi(accounts.users, accounts.credentials, accounts.sign_ins, accounts.api_tokens),
        UsersApi(accounts.users, accounts.sign_ins, accounts.links),
        AppsApi(registry.apps),
        SessionsApi(registry.sessions),
        AuditApi(accounts.audit, accounts.audit_check),
        SettingsApi(registry.overrides),
        doctor,
    ]


def declarations() -> tuple[Declared, ...]:
    """Every route there is."""
    every: tuple[type[Section], ...] = (*SECTIONS, DocumentApi)
    return tuple(one for section in every for one in section.routes.declared)


def documented_app() -> FastAPI:
    """The application for its document only: its sections were never made, so nothing in it can answer."""
    return api_app([section.__new__(section) for section in SECTIONS], None)
