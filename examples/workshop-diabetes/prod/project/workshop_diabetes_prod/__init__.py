"""Vertex AI pipeline `workshop-diabetes-prod`, converted from the SageMaker pipeline `workshop-diabetes-prod`."""
