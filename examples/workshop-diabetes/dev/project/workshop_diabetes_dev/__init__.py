"""Vertex AI pipeline `workshop-diabetes-dev`, converted from the SageMaker pipeline `workshop-diabetes-dev`."""
