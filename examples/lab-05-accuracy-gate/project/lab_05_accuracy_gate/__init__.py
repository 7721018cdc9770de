"""Vertex AI pipeline `lab-05-accuracy-gate`, converted from the SageMaker pipeline `lab-05-accuracy-gate`."""
