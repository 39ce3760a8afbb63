"""Health checks, one a file: is this bad?"""
