"""What pages there are and a world in which each has something to show: for the walk and for screenshots."""
