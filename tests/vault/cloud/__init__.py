"""What stands for the clouds in these tests: moto for AWS, and small servers for Google and Azure."""
