from .mesh import Mesh


def page(mesh: Mesh) -> str:
    return ""
