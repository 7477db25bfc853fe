"""How closely somebody can reckon hidden counts from those that are shown.

They know that no count is below nothing, what adds up, and which counts cannot pass which others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

WIDTH = 3
"""Whole numbers a hidden count might be, at least."""
_FITS = 1e-6
_SAME = 1e-9


@dataclass(frozen=True)
class System:
    """Cells that tell of one another: `sums` times their values is nothing, `below` times them is not above nothing."""

    value: NDArray[np.float64]
    sums: NDArray[np.float64]
    below: NDArray[np.float64]

    def narrow(self, hidden: NDArray[np.bool_], targets: NDArray[np.bool_]) -> list[int]:
        """Those of the targets, all hidden, of which somebody can tell fewer than WIDTH whole numbers they may be."""
        return [int(cell) for cell in np.flatnonzero(targets) if not self._is_wide(int(cell), hidden)]

    def beside(self, some: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Cells that stand in a sum, or in an order, with one of these."""
        lines = np.vstack([self.sums, self.below]) != 0
        found: NDArray[np.bool_] = lines[lines[:, some].any(axis=1)].any(axis=0)
        return found

    def _is_wide(self, cell: int, hidden: NDArray[np.bool_]) -> bool:
        if self._room(cell, hidden) >= WIDTH - 1:
            return True
        low, high = self.interval(cell, hidden)
        return bool(np.floor(high + _FITS) - np.ceil(low - _FITS) + 1 >= WIDTH)

    def _room(self, cell: int, hidden: NDArray[np.bool_]) -> float:
        """How far the cell can be moved when the other hidden ones move along as little as may be: a quick lower bound."""
        others = hidden.copy()
        others[cell] = False
        step = np.zeros(len(self.value))
        step[cell] = 1.0
        touched = np.flatnonzero(np.any(self.sums[:, hidden] != 0, axis=1))
        if len(touched):
            matrix = self.sums[np.ix_(touched, np.flatnonzero(others))]
            wanted = -self.sums[touched, cell]
            if matrix.shape[1] == 0:
                return 0.0 if np.any(np.abs(wanted) > _SAME) else self._along(step)
            step[others] = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
            if np.abs(matrix @ step[others] - wanted).max() > _SAME:
                return 0.0
        return self._along(step)

    def _along(self, step: NDArray[np.float64]) -> float:
        slack, slope = -(self.below @ self.value), self.below @ step
        room = 0.0
        for sign in (1.0, -1.0):
            falls, meets = sign * step < -_SAME, sign * slope > _SAME
            limits = [
                *(self.value[falls] / -(sign * step[falls])),
                *(slack[meets] / (sign * slope[meets])),
            ]
            room += np.floor(min(limits, default=np.inf) + _FITS)
        return float(room)

    def interval(self, cell: int, hidden: NDArray[np.bool_]) -> tuple[float, float]:
        """The least and the most the cell can be."""
        unknown = np.flatnonzero(hidden)
        known = self.value * ~hidden
        place = int(np.flatnonzero(unknown == cell)[0])
        limits = []
        for sign in (1.0, -1.0):
            wanted = np.zeros(len(unknown))
            wanted[place] = sign
            found = scipy.optimize.linprog(
                wanted,
                A_ub=self.below[:, unknown] if len(self.below) else None,
                b_ub=-(self.below @ known) if len(self.below) else None,
                A_eq=self.sums[:, unknown] if len(self.sums) else None,
                b_eq=-(self.sums @ known) if len(self.sums) else None,
                bounds=(0, None),
                method="highs",
            )
            limits.append(float(found.x[place]) if found.status == 0 else sign * -np.inf)
        return max(limits[0], 0.0), limits[1]
