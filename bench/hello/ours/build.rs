fn main() -> std::process::ExitCode {
    stub_build::compile("hello.proto")
}
