"""Tasks of a team with due times: every missed deadline and every end without help leaves one."""
