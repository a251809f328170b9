"""The arena: bodies with inertia, towers, spheres in a hidden order, and a partner that shows one."""
