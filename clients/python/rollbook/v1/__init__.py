"""The generated messages and services of the API; made by make protos, do not edit."""
