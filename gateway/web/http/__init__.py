"""What every route needs: middleware, problems, bodies, origins, client addresses, languages, templates."""
