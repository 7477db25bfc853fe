"""The page of the current release as a view of Airflow's own pages: in its menu, and framed.

Airflow reads this folder as [core] plugins_folder, which the embedded Airflow and the image set. Without
URBANBRAIN_PAGE_URL there is no page to show, and the menu stays as it is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from pipelines import settings


def views(page_url: str) -> list[dict[str, Any]]:
    """One entry in the menu for the page at that address; none without an address."""
    if not page_url:
        return []
    # The menu is 60 pixels wide: four characters fit, and no second language beside them.
    entry = {"name": "城市大脑", "href": page_url, "url_route": "urban-brain"}
    return [{**entry, "destination": "nav", "nav_top_level": True}]


class PageView(AirflowPlugin):
    """The page that `urbanbrain page` serves."""

    name = "urban_brain_page"
    external_views: ClassVar[list[dict[str, Any]]] = views(settings.page_url())
