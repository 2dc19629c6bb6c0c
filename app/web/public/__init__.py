"""The person's pages: form, receipt, return, and the ways out."""

from fastapi import APIRouter

from app.web.public import answers, form, plain, returning

router = APIRouter(include_in_schema=False)
router.include_router(plain.root)
for part in (form.router, returning.router, answers.router, plain.router):
    router.include_router(part, prefix="/{lang}")
