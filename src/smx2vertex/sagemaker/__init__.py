"""The source side: the model of a SageMaker pipeline definition, its reader and its expressions."""
