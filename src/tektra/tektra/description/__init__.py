"""What a robot is made of and where its parts are: URDF, transforms, kinematics."""
