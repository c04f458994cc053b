"""Verdicts and reports for people, made from a journal and nothing else."""

from hotsite.faces.render.page import report_html
from hotsite.faces.render.text import report_text, verdict_text

__all__ = ["report_html", "report_text", "verdict_text"]
