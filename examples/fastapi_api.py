"""A FastAPI API that people call from notebooks: who you are, and jobs for those who may.

    OIDC_ISSUER=https://idp.example.com OIDC_AUDIENCE=https://api.example.com \\
        uvicorn --factory fastapi_api:create_app
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Security

from oidc_widget.verify import Claims
from oidc_widget.verify.fastapi import OIDCProtect


def create_app(settings: Mapping[str, Any] | None = None) -> FastAPI:
    """Make the API; its settings are the environment's, unless a test gives others."""
    app = FastAPI()
    protect = OIDCProtect(app, config=settings or os.environ)
    jobs: list[str] = []

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(protect)]) -> dict[str, Any]:
        return {"you": claims["sub"], "until": claims["exp"]}

    @app.get("/jobs")
    async def read(_: Annotated[Claims, Security(protect, scopes=["jobs.read"])]) -> dict[str, Any]:
        return {"jobs": jobs}

    @app.post("/jobs", status_code=201)
    async def submit(claims: Annotated[Claims, Security(protect, scopes=["jobs.write"])]) -> dict[str, Any]:
        jobs.append(f"{len(jobs) + 1}, of {claims['sub']}")
        return {"job": jobs[-1]}

    return app
