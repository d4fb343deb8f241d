"""All sections of this API, for what needs their declarations and no services: the documents and the tables."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

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


def declarations() -> tuple[Declared, ...]:
    """Every route there is."""
    every: tuple[type[Section], ...] = (*SECTIONS, DocumentApi)
    return tuple(one for section in every for one in section.routes.declared)


def documented_app() -> FastAPI:
    """The application for its document only: its sections were never made, so nothing in it can answer."""
    return api_app([section.__new__(section) for section in SECTIONS], None)
