"""Clients of openapi-generator in several languages: made in one go, compiled, and checked for what generators get wrong.

The generator comes from PyPI and brings its program for Java with it. Java, Go and Node are programs of the machine; `.ci/run`
installs them from Debian.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

from tests.generators.commands import BUILD, HERE, UV, NotInstalled, install, run

GENERATOR: Final = "openapi-generator-cli==7.26.0"
PLACE: Final = BUILD / "generator"
DRIVEN: Final = ("python", "go", "typescript-fetch")
OTHERS: Final = ("java", "csharp", "php", "typescript-axios", "kotlin", "rust", "ruby")
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "go": {"additionalProperties": {"packageName": "partner", "withGoMod": False}},
    "java": {"library": "native", "additionalProperties": {"openApiNullable": False}},
}
_GO_LIBRARIES: Final = Path("/usr/share/gocode")
"""Where Debian keeps the sources of Go libraries: the generated client needs one, and the registry of Go is not asked."""
_STUBS: Final = {
    "javax/annotation/Generated": "public @interface Generated { String value(); String date(); String comments(); }",
    "org/apache/http/entity/mime/MultipartEntityBuilder": "public class MultipartEntityBuilder {}",
}
"""What the Java client names and the generator's own program does not have. It is compiled, not run."""


def generate() -> Path:
    """Generates a client in each language. Returns their folder. Raises NotInstalled."""
    if shutil.which("java") is None:
        raise NotInstalled("Java is not here")
    python = PLACE / ".venv" / "bin" / "python"
    if not python.exists():
        install([UV, "venv", "--quiet", str(PLACE / ".venv")])
        needed = [GENERATOR, "pydantic", "urllib3", "python-dateutil", "typing-extensions"]
        install([UV, "pip", "install", "--quiet", "--python", str(python), *needed])
    made = PLACE / "clients"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    files: list[str] = []
    for language in (*DRIVEN, *OTHERS):
        settings = {
            "generatorName": language,
            "inputSpec": str(BUILD / "partner.json"),
            "outputDir": str(made / language),
            "globalProperties": dict.fromkeys(("apiTests", "modelTests", "apiDocs", "modelDocs"), "false"),
            **_OPTIONS.get(language, {}),
        }
        files.append(str(made / f"{language}.json"))
        Path(files[-1]).write_text(json.dumps(settings), encoding="utf-8")
    told = run(
        [str(python.with_name("openapi-generator-cli")), "batch", "--threads", "2", "--fail-fast", *files], quiet=True
    )
    for language in (*DRIVEN, *OTHERS):
        if not (made / language).is_dir():
            raise SystemExit(f"==> openapi-generator made no client in {language}:\n{told}")
    return made


def python_client(made: Path) -> list[str]:
    """The command that drives the Python client."""
    shutil.copy(HERE / "drive_generator.py", made / "python" / "drive.py")
    return [str(PLACE / ".venv" / "bin" / "python"), str(made / "python" / "drive.py")]


def go_client(made: Path) -> list[str]:
    """The program that drives the Go client, compiled."""
    go = shutil.which("go")
    if go is None or not (_GO_LIBRARIES / "src/golang.org/x/oauth2").is_dir():
        raise NotInstalled("Go and its library oauth2 are not here")
    sources = made / "gopath" / "src"
    shutil.copytree(made / "go", sources / "partner")
    shutil.rmtree(sources / "partner" / "test", ignore_errors=True)
    (sources / "drive").mkdir()
    shutil.copy(HERE / "drive.go", sources / "drive" / "main.go")
    variables = {
        "GO111MODULE": "off",
        "GOPATH": f"{made / 'gopath'}:{_GO_LIBRARIES}",
        "GOCACHE": str(PLACE / "go-cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    program = str(made / "drive-go")
    run([go, "build", "-o", program, "drive"], sources, quiet=True, variables=variables)
    return [program]


def fetch_client(made: Path) -> list[str]:
    """The command that drives the client of typescript-fetch, after a strict check of it."""
    node, compiler = shutil.which("node"), BUILD / "typescript" / "node_modules" / ".bin" / "tsc"
    if node is None or not compiler.exists():
        raise NotInstalled("Node and TypeScript are not here")
    place = made / "typescript-fetch"
    (place / "package.json").write_text('{"private": true, "type": "commonjs"}', encoding="utf-8")
    shutil.copy(HERE / "drive_fetch.ts", place / "drive.ts")
    types = ["--types", "node", "--typeRoots", str(compiler.parents[1] / "@types")]
    options = ["--strict", "--target", "es2022", "--module", "commonjs", *types]
    run([str(compiler), *options, "--outDir", "compiled", "drive.ts"], place, quiet=True)
    return [node, str(place / "compiled" / "drive.js")]


def java_client(made: Path) -> list[str]:
    """Compiles the Java client against the libraries that the generator's own program contains. There is nothing to run."""
    javac = shutil.which("javac")
    if javac is None:
        raise NotInstalled("the Java compiler is not here")
    place = made / "java" / "src" / "main" / "java"
    for name, code in _STUBS.items():
        file = place / f"{name}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"package {file.parent.relative_to(place).as_posix().replace('/', '.')};\n{code}\n", "utf-8")
    libraries = next((PLACE / ".venv").rglob("openapi-generator.jar"))
    sources = sorted(str(file) for file in place.rglob("*.java"))
    run([javac, "-nowarn", "-proc:none", "-d", str(made / "java-classes"), "-cp", str(libraries), *sources], quiet=True)
    return []


# --- what is not compiled is read --------------------------------------------------------------------------------------


def check_patterns(made: Path, description: dict[str, Any]) -> None:
    """Holds what once failed, in the languages that are not compiled here. Raises SystemExit with each fault.

    The body of an action has its own fields and no others (PHP sent those of other verbs), no constructor names an argument twice
    (C#, Java), asks for more than is required (C#, Kotlin), or sets what nobody said (PHP).
    """
    faults: list[str] = []
    bodies = {name: schema for name, schema in description["components"]["schemas"].items() if name.endswith("Body")}
    if len(bodies) < 6:
        faults.append("the description has lost its bodies")
    for name, schema in bodies.items():
        fields, required = set(schema["properties"]), set(schema.get("required", ()))
        faults += _php_faults(made / "php/lib/Model" / f"{name}.php", fields)
        faults += _csharp_faults(made / "csharp/src/Org.OpenAPITools/Model" / f"{name}.cs", name, len(required))
        faults += _kotlin_faults(made / "kotlin", name, len(fields), len(required))
    php = (made / "php/lib/Api/ReferralsApi.php").read_text(encoding="utf-8")
    accept = re.search(r"public function acceptReferral\(([^)]*)\)", php)
    if accept is None or "body" in accept[1].lower():
        faults.append("PHP: acceptReferral asks for a body, or is not there")
    if faults:
        raise SystemExit("==> openapi-generator: " + "\n==> ".join(faults))


def _php_faults(file: Path, fields: set[str]) -> list[str]:
    text = file.read_text(encoding="utf-8")
    mapping = re.search(r"\$attributeMap = \[(.*?)\];", text, re.DOTALL)
    sent = set(re.findall(r"'(\w+)' =>", mapping[1])) if mapping else set()
    faults = [] if sent == fields else [f"PHP: {file.name} sends {sorted(sent)}, not {sorted(fields)}"]
    if re.search(r"setIfExists\('\w+', \$data \?\? \[\], (?!null\))", text):
        faults.append(f"PHP: {file.name} sends what nobody set")
    return faults


def _csharp_faults(file: Path, name: str, required: int) -> list[str]:
    found = re.search(rf"public {name}\((.*)\)\s*$", file.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        return [f"C#: {name} has no constructor"]
    arguments = re.split(r",\s*(?![^<]*>)", found[1])
    names = [argument.partition("=")[0].split()[-1] for argument in arguments]
    faults = [] if len(set(names)) == len(names) else [f"C#: {name} names an argument twice: {names}"]
    if sum("=" not in argument for argument in arguments) != required:
        faults.append(f"C#: {name} asks for more or less than is required: {arguments}")
    return faults


def _kotlin_faults(place: Path, name: str, fields: int, required: int) -> list[str]:
    text = next(place.rglob(f"models/{name}.kt")).read_text(encoding="utf-8")
    values = re.findall(r"^    val (\w+): [^=\n]*?(= null)?,?$", text, re.MULTILINE)
    if len(values) != fields or sum(not default for _, default in values) != required:
        return [f"Kotlin: {name} has {values}, and {fields} fields, {required} of them required"]
    return []
