"""Build the images that are not in Artifact Registry yet: `python build_images.py [ENVIRONMENT] [--all]`.

config.yaml says which address each folder in images/ has. Needs PyYAML and gcloud, signed in; Cloud Build does the work.
"""

import argparse
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent


def is_there(address: str) -> bool:
    """Whether the registry holds an image."""
    command = ["gcloud", "artifacts", "docker", "images", "describe", address]
    return subprocess.run(command, capture_output=True).returncode == 0


def main() -> None:
    """Build the images of an environment."""
    parser = argparse.ArgumentParser(description="Build the images that are not in Artifact Registry yet.")
    parser.add_argument("environment", nargs="?", help="a block of config.yaml; else its default")
    parser.add_argument("--all", action="store_true", help="build also what is there already")
    arguments = parser.parse_args()
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    settings = config["environments"][arguments.environment or config["default_environment"]]
    for folder in sorted(file.parent for file in ROOT.glob("images/*/Dockerfile")):
        address = settings["images"][folder.name]
        if is_there(address) and not arguments.all:
            print(f"{address} is there")
            continue
        command = ["gcloud", "builds", "submit", str(folder), f"--config={folder / 'cloudbuild.yaml'}"]
        options = [f"--substitutions=_IMAGE={address}", f"--project={settings['project']}"]
        subprocess.run([*command, *options], check=True)


if __name__ == "__main__":
    main()
