from probe.cli.app import new_app

app = new_app()


@app.command()
def stores() -> None:
    """Root lists."""
