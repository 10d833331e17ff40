"""How many machines a load needs: what texts cost here, and the plan made of it."""
