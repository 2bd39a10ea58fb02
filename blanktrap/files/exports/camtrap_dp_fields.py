"""The columns of Camtrap DP 1.0.2's three tables, in the standard's order and with Arrow's types.

Source: https://camtrap-dp.tdwg.org/data/
"""

import pyarrow as pa


def _schema(*fields: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for names, kind in fields for name in names.split()])


_TEXT, _NUMBER, _WHOLE, _YES_NO = pa.string(), pa.float64(), pa.int64(), pa.bool_()

DEPLOYMENTS = _schema(
    ("deploymentID locationID locationName", _TEXT),
    ("latitude longitude", _NUMBER),
    ("coordinateUncertainty", _WHOLE),
    ("deploymentStart deploymentEnd setupBy cameraID cameraModel", _TEXT),
    ("cameraDelay", _WHOLE),
    ("cameraHeight cameraDepth", _NUMBER),
    ("cameraTilt cameraHeading", _WHOLE),
    ("detectionDistance", _NUMBER),
    ("timestampIssues", _YES_NO),
    ("baitUse", _YES_NO),
    ("featureType habitat deploymentGroups deploymentTags deploymentComments", _TEXT),
)

MEDIA = _schema(
    ("mediaID deploymentID captureMethod timestamp filePath", _TEXT),
    ("filePublic", _YES_NO),
    ("fileName fileMediatype exifData", _TEXT),
    ("favorite", _YES_NO),
    ("mediaComments", _TEXT),
)

# A probability keeps the number format of the scores, so that it is printed without noise.
OBSERVATIONS = _schema(
    (
        "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel observationType",
        _TEXT,
    ),
    ("cameraSetupType scientificName", _TEXT),
    ("count", _WHOLE),
    ("lifeStage sex behavior individualID", _TEXT),
    ("individualPositionRadius individualPositionAngle individualSpeed", _NUMBER),
    ("bboxX bboxY bboxWidth bboxHeight", _NUMBER),
    ("classificationMethod classifiedBy classificationTimestamp", _TEXT),
    ("classificationProbability", pa.float32()),
    ("observationTags observationComments", _TEXT),
)
