"""Vertex AI pipeline `customer-churn`, converted from the SageMaker pipeline `customer-churn`."""
