"""The REST API: resources over HTTP, each route with its permission, errors as problem details."""
