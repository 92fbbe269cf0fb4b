"""The pages of researchers and admins, a module for each subject; what they show is computed in
rooms of its own."""
