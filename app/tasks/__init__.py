"""What somebody owes, until when: every missed deadline and every end that is not a success leaves a row that a team owns."""
