//! A client under test: the checker is its server.

use super::END;
use crate::check::stage::display::{expect_visible, hostile, screen};
use crate::check::stage::program::Program;
use crate::check::stage::speaker::{Connected, Speaker};
use crate::check::stage::system::need;
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

/// What is typed is sent.
pub fn send<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = S::call(scene, scene.launch())?;
    let raw = [S::RAW, b"!"].concat();
    let words = text!(zh "读的是词，而不是行（例如用 scanf），所以空行和空白都丢了：按行读",
                      en "words are read, and not lines (by scanf, say), so an empty line and blanks are lost: read \
                          line by line");
    let turns = text!(zh "发出一行之后，就在等服务器的回答，不再读键盘：收和发各用一个线程",
                      en "after a line it waits for the server's answer, and doesn't read the keyboard: let one thread \
                          receive and another one send");
    let lines = [
        (&b"hello"[..], None),
        ("你好".as_bytes(), Some(turns)),
        (b"", Some(words)),
        (b"  a\tb ", Some(words)),
    ];
    for (line, likely) in lines.into_iter().chain([(&raw[..], None)]) {
        client.type_in([line, b"\n"].concat())?;
        let typed = client.unless_ended(server.expect_typed(line));
        match likely {
            Some(likely) => typed.likely(likely)?,
            None => typed?,
        }
    }
    Ok(())
}

/// What the server says is printed.
pub fn print<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = S::call(scene, scene.launch())?;
    prints(&client, &mut server)
}

/// The same, by a client that has connected.
pub fn prints<S: Speaker>(client: &Program, server: &mut S) -> Verdict {
    let raw = [b"[1.2.3.4:5]: ", S::RAW, b" \x01"].concat();
    for line in [&b"[1.2.3.4:5]: hello"[..], "[Server]: 你好".as_bytes(), &raw] {
        server.say(line)?;
        client.unless_ended(client.expect_printed([line, b"\n"].concat()))?;
    }
    Ok(())
}

/// D12, on a terminal.
pub const fn terminal<S: Speaker>() -> Case {
    Case {
        id: "D12",
        title: text!(zh "在终端里，别人发来的控制字符显示成看得见的样子",
                     en "on a terminal, control characters from peers are made visible"),
        hint: text!(zh "别人发来的内容原样打印了：在终端里要把控制字符换成看得见的写法",
                    en "what a peer sends is printed as it is: on a terminal, spell control characters out"),
        run: makes_them_visible::<S>,
    }
}

/// What strangers make the server say.
fn from_a_stranger<S: Speaker>() -> Vec<u8> {
    [b"[1.2.3.4:5]: ", &hostile::<S>()[..]].concat()
}

fn makes_them_visible<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = S::call(scene, scene.on_terminal()?)?;
    server.say(from_a_stranger::<S>())?;
    expect_visible(&client)
}

/// What arrives while somebody types.
pub const fn typing<S: Speaker>() -> Case {
    Case {
        id: "client-typing",
        title: text!(zh "在终端里，收到的一行显示在正在输入的那一行上面，正在输入的内容原样不动",
                     en "on a terminal a line that arrives goes above the one that is being typed, which stays"),
        hint: text!(zh "收到的内容接在了正在输入的内容后面：先在它上面插入一行",
                    en "an arriving line is glued to what is being typed: insert a row above it"),
        run: arrives_above::<S>,
    }
}

fn arrives_above<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    need(&["script", "stty"])?;
    let (mut client, mut server) = S::call(scene, scene.launch().on_screen())?;
    client.type_in("half a li")?;
    client.expect_printed("half a li")?;
    let long = format!("[1.2.3.4:5]: {}the end", "and-so-on-".repeat(20));
    let arriving = ["[1.2.3.4:5]: hello", &long, "[1.2.3.4:5]: 你好，大家好"];
    for line in arriving {
        server.say(line)?;
        client.expect_printed(&line[line.len() - 6..])?;
    }
    let shown = screen(&client.stdout.bytes());
    let last = shown.iter().rposition(|row| !row.is_empty()).unwrap_or(0);
    let told = format!("{:?}", &shown[..=last]);
    let below = text!(zh "正在输入的那一行在最下面，单独一行",
                      en "the typed line stands below all others, and by itself");
    ensure(shown[last] == "half a li", below, &told)?;
    let above = shown[..last].concat();
    let all_above = text!(zh "收到的各行都在它上面", en "all lines that came stand above it");
    ensure(arriving.iter().all(|line| above.contains(line)), all_above, &told)?;
    client.type_in("ne\n")?;
    server.expect_typed("half a line")
}

/// D12, elsewhere.
pub fn pipe<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = S::call(scene, scene.launch())?;
    server.say(from_a_stranger::<S>())?;
    client.expect_printed([&from_a_stranger::<S>()[..], b"\n"].concat())?;
    client.expect_no_warning()
}

/// A client that is stopped.
pub const fn interrupt<S: Speaker>() -> Case {
    Case {
        id: "client-interrupt",
        title: text!(zh "Ctrl-C 和 SIGTERM 让客户端有序结束，退出码 0",
                     en "Ctrl-C and SIGTERM end a client in order, with exit code 0"),
        hint: text!(zh "没有处理这个信号，程序被它直接杀死",
                    en "the signal isn't handled, so it kills the program"),
        run: ends_in_order::<S>,
    }
}

fn ends_in_order<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    for signal in ["INT", "TERM"] {
        let (mut client, mut server) = S::call(scene, scene.launch())?;
        client.type_in("hello\n")?;
        server.expect_typed("hello").likely(text!(zh "输入的行没有发送", en "typed lines are not sent"))?;
        client.signal(signal)?;
        client.expect_exit(0, END)?;
        server.expect_farewell()?;
    }
    Ok(())
}

/// A client that finds no server.
pub const fn refused<C: Connected>() -> Case {
    Case {
        id: "client-refused",
        title: text!(zh "没有人监听时，用一句话说明，并写明地址，退出码 1",
                     en "when nobody listens: one sentence that names the address, exit code 1"),
        hint: text!(zh "没有检查 connect 的错误，或者以 panic 的形式说出来",
                    en "the error of connect is not looked at, or told as a panic"),
        run: finds_nobody::<C>,
    }
}

fn finds_nobody<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let address = C::occupy(scene, &scene.target.address)?.0; // Which nobody listens on from here on.
    let client = scene.launch().at(address).program("client")?;
    client.unless_uncaught(client.expect_exit(1, scene.patience()))?;
    client.expect_one_sentence(&address.to_string())
}

/// The notes' words at the beginning and at the end.
pub fn chinese<C: Connected>(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let (client, server) = C::call(scene, scene.launch().with(&["--lang", "zh"]))?;
    client.expect_printed("已连接到服务器\n")?;
    server.leave();
    let _ = client.stderr.wait_for_end(scene.patience());
    let said = client.stderr.text();
    let wanted = text!(zh "stderr 以 \"服务器断开: \" 开头", en "stderr begins with \"服务器断开: \"");
    ensure(said.starts_with("服务器断开: "), wanted, show(said.as_bytes()))
}

/// The server leaves without a word of its own.
pub fn server_leaves<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = C::call(scene, scene.launch())?;
    server.say("[1.2.3.4:5]: bye")?;
    client.expect_printed("[1.2.3.4:5]: bye\n")?;
    server.leave();
    client.expect_exit(1, END)?;
    client.expect_one_sentence("")
}

/// D11, by a reset.
pub const fn reset<C: Connected>() -> Case {
    Case {
        id: "D11-reset",
        title: text!(zh "连接被重置时也一样",
                     en "the same when the connection is reset"),
        hint: text!(zh "读取出错时，没有当作连接已经结束",
                    en "an error while reading is not taken for the end of the connection"),
        run: server_resets::<C>,
    }
}

fn server_resets<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let (mut client, server) = C::call(scene, scene.launch())?;
    client.type_in("unread\n")?;
    let (sent, nothing) = (
        text!(zh "输入的那一行发送出来", en "the typed line is sent"),
        text!(zh "什么也没有收到", en "nothing comes"),
    );
    ensure(server.has_something(scene.patience()), sent, nothing)?;
    scene.log.note(text!(zh "服务器以重置断开连接", en "the server leaves by a reset"));
    drop(server);
    client.expect_exit(1, END)?;
    client.expect_one_sentence("")
}

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

/// D13, a line too long.
pub const fn too_long<C: Connected>() -> Case {
    Case {
        id: "D13",
        title: text!(zh "输入的一行超过 64 KiB 时，用一句话拒绝，下一行照常发送",
                     en "a typed line over 64 KiB is refused with one sentence, and the next line is sent"),
        hint: text!(zh "太长的一行使键盘读取就此结束，或者照样发了出去：应当只跳过这一行",
                    en "a line that is too long ends the reading of the keyboard, or is sent: leave out that line alone"),
        run: leaves_it_out::<C>,
    }
}

fn leaves_it_out<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = C::call(scene, scene.launch())?;
    leaves_out(&mut client, &mut server, MAX_LINE + 4000)
}

/// A typed line of so many bytes must be left out, with one sentence, and the next line sent.
pub fn leaves_out<S: Speaker>(client: &mut Program, server: &mut S, len: usize) -> Verdict {
    client.type_in("x".repeat(len) + "\nnext\n")?;
    server.expect_typed("next")?;
    client.expect_one_warning()
}

/// D13, the longest line.
pub const fn exact<C: Connected>() -> Case {
    Case {
        id: "D13-exact",
        title: text!(zh "输入的一行恰好 65,536 字节时，完整发送",
                     en "a typed line of just 65,536 bytes is sent whole"),
        hint: text!(zh "上限不算换行符；恰好达到上限，不算超过",
                    en "the limit counts the line without its line break, and is reached, not exceeded"),
        run: sends_the_longest::<C>,
    }
}

fn sends_the_longest<C: Connected>(scene: &Scene<'_>) -> Verdict {
    sends_whole::<C>(scene, MAX_LINE)
}

/// A typed line of so many bytes must be sent, and the next one too.
pub fn sends_whole<S: Speaker>(scene: &Scene<'_>, len: usize) -> Verdict {
    let (mut client, mut server) = S::call(scene, scene.launch())?;
    let line = "y".repeat(len);
    client.type_in(format!("{line}\nnext\n"))?;
    server.expect_typed(&line)?;
    server.expect_typed("next")
}
