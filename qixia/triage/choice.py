"""Which model judges: the shape of the policy "triage.model". Pure.

The policy is published from the model page alone (triage.services.switch_model), which looks before it publishes.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

MODEL = "triage.model"
SHIPPED = "shipped"
MODEL_SEED = Path(__file__).parent / "data" / "model.yaml"


class ModelChoice(BaseModel):
    """`artefact`: "shipped", or the SHA-256 of a model that was trained here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    artefact: str = Field(pattern=rf"^({SHIPPED}|[0-9a-f]{{64}})$")
