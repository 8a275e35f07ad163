//! `completions` and `man`: what a shell and a reader of manuals want to know, made from the definition of the commands.
//! `schema`: what an editor wants to know of the directory file.
use super::{Problem, output};
use clap::Command;
use clap_complete::Shell;

pub fn completions(shell: Shell, mut command: Command) -> Result<(), Problem> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    output::piece(&String::from_utf8(text)?);
    Ok(())
}

/// One document, with `--json` on one line.
pub fn schema() -> Result<(), Problem> {
    let schema = crate::provision::schema();
    output::result(&schema, &serde_json::to_string_pretty(&schema)?);
    Ok(())
}

/// One page about everything: after the program, each of its commands has a section of its own.
pub fn man(mut command: Command) -> Result<(), Problem> {
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for sub in commands_of(&command) {
        let name = sub.get_bin_name().unwrap_or(sub.get_name()).to_owned();
        text.extend(format!(".SH \"{}\"\n", name.to_uppercase()).into_bytes());
        let man = clap_mangen::Man::new(sub);
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
    }
    output::piece(&String::from_utf8(text)?);
    Ok(())
}

/// Every command that does something, in the order of the help.
pub fn commands_of(command: &Command) -> Vec<Command> {
    let subs = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    subs.flat_map(|sub| if sub.has_subcommands() { commands_of(sub) } else { vec![sub.clone()] })
        .collect()
}
