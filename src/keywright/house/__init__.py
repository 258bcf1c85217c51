"""The composition root: the only room where real things are built and joined."""

from keywright.house.blueprint import Blueprint, plan_house
from keywright.house.house import House

__all__ = ["Blueprint", "House", "plan_house"]
