"""SQL: tables, migrations, repositories. Nothing else knows SQL."""
