"""What each kind of resource can do, as plain bounds."""
