"""Will it fit, how long will it take: closed-form answers before anything is loaded."""
