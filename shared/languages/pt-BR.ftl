### Frases para pessoas, em português do Brasil. Os mesmos ids e valores em todos os idiomas.
### Os valores "who" são listas de endereços; "who-count" diz quantos são.

## Por que uma mensagem não é acompanhada

follow-engagement-off = O acompanhamento de emails está desativado na sua organização. Um administrador pode ativá-lo nas configurações.
follow-no-followable-recipient = Para acompanhar esta mensagem, inclua pelo menos uma conta, um contato ou um cliente potencial em Para ou Cc.
follow-other-record-types = { $who-count ->
    [one] { $who } não é conta, contato nem cliente potencial. Remova esse destinatário para acompanhar a mensagem.
   *[other] { $who } não são contas, contatos nem clientes potenciais. Remova esses destinatários para acompanhar a mensagem.
}
follow-no-record = { $who-count ->
    [one] Não temos nenhum registro para { $who }. Escolha ou crie um para acompanhar a mensagem.
   *[other] Não temos registros para { $who }. Escolha ou crie os registros para acompanhar a mensagem.
}
follow-recipient-opted-out = { $who-count ->
    [one] { $who } está com a opção “não acompanhar”.
   *[other] { $who } estão com a opção “não acompanhar”.
}
follow-seller-chose-not = Você escolheu não acompanhar esta mensagem.
follow-text-only = Só é possível acompanhar mensagens formatadas (HTML), e esta é de texto simples.
follow-bulk = Mensagens para mais de { $limit } destinatários não são acompanhadas. Envie para menos pessoas de cada vez.
warning-address-bounced = A última mensagem para { $who } não pôde ser entregue. Confira o endereço antes de escrever de novo.

## Por que não há um horário recomendado

delivery-time-no-recipient = Escolha um destinatário para ver o horário recomendado.
delivery-time-several-recipients = Só é possível recomendar um horário para um único destinatário, e esta mensagem tem vários.
delivery-time-no-time-zone = Não sabemos o fuso horário do destinatário. Informe no registro um fuso horário, um endereço completo ou um telefone com o código do país.

## O que os destinatários podem ver

altered-link-title = Este link foi alterado no caminho
altered-link-text = Seu programa de email ou um filtro de segurança alterou o link, e não temos como saber para onde ele leva. Por isso, não encaminhamos você a lugar nenhum.
altered-link-go = Ir para o endereço que o remetente escreveu
altered-link-unknown = Abra o link a partir da mensagem original ou peça o endereço ao remetente.
withdrawn-link-title = Este link não funciona mais
withdrawn-link-text = O serviço do remetente o retirou. Peça um novo link ao remetente.
unknown-link-title = Este link não está completo
unknown-link-text = Uma parte dele falta ou foi alterada no caminho. Abra-o a partir da mensagem original.
gone-file-title = Este arquivo não está mais compartilhado
gone-file-text = O link expirou ou o remetente retirou o arquivo. Peça-o ao remetente.
unavailable-file-title = O arquivo não pode ser aberto agora
unavailable-file-text = Tente de novo em um minuto.

## O que aconteceu com uma mensagem

event-open = Aberta
event-click = Clique em link
event-attachment-view = Anexo visto
event-reply = Respondida
event-image = Imagem carregada
event-auto-reply = Resposta automática
event-bounce = Não foi entregue
event-withdrawn = Anexo retirado
event-data-removed = Dados pessoais removidos
event-inferred = Aberta, como mostra um clique ou uma resposta posterior
event-returns-on = De volta em { $date }.

## Quem causou um evento e como sabemos

by-person = Uma pessoa
by-machine = Automático
verdict-head-request = Um programa verificou o endereço sem carregá-lo.
verdict-prefetch = Foi carregado com antecedência, antes que alguém pedisse.
verdict-no-agent = O programa não disse qual é. Navegadores e programas de email dizem.
verdict-program = Quem buscou foi um programa, não um navegador nem um programa de email.
verdict-headless = Foi carregado em um navegador que funciona sem tela.
verdict-crawler = Um buscador, um monitor ou outro robô acessou.
verdict-link-preview = Um aplicativo de conversa ou rede social acessou para mostrar uma prévia do link.
verdict-security-scanner = Um verificador de segurança analisou.
verdict-gmail-prefetch = O Gmail carregou com antecedência, antes de a mensagem ser aberta.
verdict-apple-privacy = A Proteção de Privacidade do Mail da Apple carregou. Não há como saber se a mensagem foi aberta.
verdict-before-delivery = Aconteceu antes da entrega da mensagem; portanto, foi um verificador.
verdict-own-open = Veio de uma das redes da própria organização.
verdict-burst = Vários links foram abertos em poucos segundos, como fazem os verificadores.
verdict-same-scanner = O programa que abriu a mensagem seguiu os links em poucos segundos, como fazem os verificadores.
verdict-fetched-again = Alguém de outra rede tinha aberto o mesmo link segundos antes: conta uma vez só.
verdict-seconds-after-delivery = Aconteceu poucos segundos depois da entrega.
verdict-second-link = Outro link foi aberto em poucos segundos.
verdict-partial-request = Só uma parte foi pedida, como fazem os verificadores.
verdict-image-proxy = O serviço de email carregou as imagens para quem estava lendo; por isso não se sabe o dispositivo nem o lugar.
verdict-automatic-answer = Um programa respondeu no lugar da pessoa, como quando alguém está ausente.
verdict-delivery-report = Um servidor de email informou que não conseguiu entregar a mensagem.

## Em que situação está uma mensagem

status-draft = Rascunho
status-accepted = Aceita
status-scheduled = Agendada
status-sending = Sendo enviada
status-sent = Enviada
status-partly-sent = Enviada em parte
status-failed = Não enviada
status-cancelled = Cancelada
scheduled-for = Será enviada:

## Por que uma mensagem não foi enviada

failure-mailbox-unknown = A caixa de correio { $address } não existe, ou deixou de existir. Confira o endereço do remetente ou peça a um gestor que passe a mensagem a outro vendedor; depois, tente de novo.
failure-mailbox-out-of-scope = A caixa de correio { $address } não está no escopo do aplicativo. Peça ao administrador que a inclua.
failure-mailbox-full = A caixa de correio { $address } está cheia. Libere espaço e tente de novo. Nada foi enviado.
failure-sending-blocked = O Microsoft 365 não deixa { $address } enviar: um limite foi atingido ou a conta está bloqueada. Peça ao administrador que verifique e tente de novo. Nada foi enviado.
failure-recipient-refused = { $who-count ->
    [one] O servidor de email recusou o destinatário { $who }. Confira o endereço e envie de novo.
   *[other] O servidor de email recusou os destinatários { $who }. Confira os endereços e envie de novo.
}
failure-message-too-large = A mensagem é grande demais para o servidor de email. Remova ou reduza anexos e imagens e envie de novo.
failure-may-have-been-sent = A conexão caiu durante o envio, e a mensagem pode ter sido enviada. Veja nos Itens Enviados antes de enviar de novo.
failure-cannot-follow = A mensagem não pode mais ser acompanhada, e você pediu para enviá-la só se pudesse. Nada foi enviado.
failure-attachments-too-large = A mensagem não pode mais ser seguida, e os arquivos são grandes demais para irem nela (mais de { $limit }). Nada foi enviado. Remova arquivos ou compartilhe-os de outra forma.
failure-drive-unknown = { $address } não tem OneDrive, ou ele não foi encontrado. Peça ao administrador uma licença ou outro lugar para os arquivos seguidos.
failure-drive-full = O OneDrive de { $address } está cheio. Libere espaço e tente de novo. Nada foi enviado.
failure-drive-out-of-scope = O aplicativo não pode gravar no OneDrive de { $address }. Peça ao administrador que permita. Nada foi enviado.
failure-file-refused = O OneDrive não aceita o arquivo { $name }. Renomeie-o ou anexe-o sem seguir. Nada foi enviado.
failure-file-lost = Um arquivo desta mensagem não está mais no armazenamento. Anexe-o de novo e envie a mensagem outra vez. Nada foi enviado.
failure-content-lost = O texto desta mensagem não está mais no armazenamento. Escreva a mensagem de novo. Nada foi enviado.
failure-conversation-not-found = O email que esta mensagem deveria responder não está na caixa de correio { $address }. Nada foi enviado. Envie-a como mensagem nova.
failure-graph-unavailable = O Microsoft 365 ficou muito tempo sem responder, e paramos de tentar. Nada foi enviado. Tente de novo.
failure-graph-refused = O Microsoft 365 recusou a mensagem ({ $code }). Nada foi enviado. Tente de novo; se acontecer outra vez, informe este código ao administrador.
failure-some-not-sent = { $count ->
    [one] Uma das cópias não foi enviada; o destinatário está indicado abaixo.
   *[other] { $count } das cópias não foram enviadas; os destinatários estão indicados abaixo.
}
failure-unexpected = Algo deu errado do nosso lado, e a mensagem não foi enviada. Tente de novo. Se acontecer outra vez, avise o administrador.

## Páginas: o que está em volta delas

product = Acompanhamento de emails
skip-to-content = Ir para o conteúdo
sign-out = Sair
trail = Você está aqui
pager = Mais páginas
newest = Mais recentes
older = Mais antigas
to-the-start = Voltar ao início
further = Próximas
times-in-utc = Os horários estão em UTC.
times-in = Os horários são os de { $name } ({ $zone }).
in-all = no total
not-followed = Não acompanhada
no-subject = (sem assunto)
approximation = Estes números são o que foi visto, uma aproximação do que as pessoas fizeram: programas de email podem bloquear ou guardar imagens, e verificadores também abrem mensagens e links.
engagement-is-off = O acompanhamento de emails está desativado; por isso nada é coletado e nada é mostrado aqui. O que foi coletado antes está guardado e volta quando um administrador o ativar de novo.

## A lista de mensagens

messages-title = Mensagens acompanhadas
messages-title-all = Todas as mensagens
column-subject = Assunto
column-recipients = Destinatários
column-sent = Envio
column-status = Situação
column-opens = Aberturas
column-openers = Pessoas que abriram
column-first-opened = Primeira abertura
column-last-opened = Última abertura
column-attachment-views = Anexos vistos
column-link-clicks = Cliques em links
column-replies = Respostas
filter-search = Assunto ou destinatário
filter-status = Situação
filter-any-status = Qualquer uma
filter-followed = Mensagens
filter-followed-only = Acompanhadas
filter-followed-all = Todas
filter-period = Período
filter-period-7 = Últimos 7 dias
filter-period-30 = Últimos 30 dias
filter-period-90 = Últimos 90 dias
filter-period-365 = Últimos 365 dias
filter-period-all = Qualquer data
filter-order = Ordem
filter-apply = Mostrar
filter-clear = Limpar filtros
older-than-period = Mostrar mensagens mais antigas
empty-title = Nenhuma mensagem acompanhada ainda
empty-title-all = Nenhuma mensagem ainda
empty-text = Envie uma pelo seu CRM ou pela API. Ela aparece aqui na hora e, depois, as aberturas, os cliques em links e as respostas.
empty-show-all = Mostrar também as mensagens não acompanhadas
empty-filtered-title = Nenhuma mensagem encontrada
empty-filtered-text = Mude o que procura, escolha um período maior ou limpe os filtros.
empty-here-title = Nenhuma mensagem aqui
empty-so-far-title = Nada encontrado até agora
empty-so-far-text = Há mensagens mais antigas em que ainda não procuramos. Continue em “Mais antigas”.
too-many-title = Mensagens demais para procurar ou ordenar
too-many-text = Há mais de 10.000 mensagens neste período. Escolha um período menor.

## A página de uma mensagem

kpis-title = Em números
not-yet = Ainda não
not-by-people = Não por uma pessoa
with-automated = Contando as automáticas:
failure-title = Esta mensagem não foi enviada
send-now = Enviar agora
cancel-sending = Cancelar o envio
said-too-late = Nada foi alterado: o envio já havia começado ou terminado.
said-not-like-this = Assim não é possível enviá-la agora. Verifique o remetente, os destinatários e os arquivos, altere-a e tente de novo.
try-again = Tentar de novo
give-to = Passar para outro vendedor (endereço)
give = Passar
said-no-seller = Nada foi alterado: esta não é uma caixa de correio da sua organização que possa enviar. Escolha outro endereço.
said-given = Agora ela é de { $seller }.
said-given-failed = Agora ela é de { $seller }, que pode tentar enviá-la de novo.
not-followed-title = Esta mensagem não é acompanhada
timeline-title = Linha do tempo
timeline-choices = Quais eventos mostrar
timeline-include = Tudo
timeline-exclude = Só pessoas
timeline-only = Só automáticos
timeline-one-copy = Todos os destinatários receberam a mesma cópia; por isso não se sabe qual deles foi.
timeline-empty = Nada foi visto ainda. Quando alguém abrir a mensagem ou clicar em um link, isso aparece aqui.
timeline-empty-here = Não há mais nada aqui.
timeline-empty-not-followed = Nada é coletado, porque a mensagem não é acompanhada.
timeline-empty-not-sent = A mensagem ainda não foi enviada.
timeline-empty-failed = A mensagem não foi enviada; portanto, ninguém pode tê-la aberto.
timeline-empty-draft = É um rascunho; nada foi enviado ainda.
timeline-empty-cancelled = A mensagem foi cancelada e não foi enviada.
timeline-empty-people = Nada feito por uma pessoa foi visto ainda.
timeline-empty-automated = Nada automático foi visto.
device-desktop = em um computador
device-phone = em um celular
device-tablet = em um tablet
people-title = Pessoas
details-title = Detalhes
detail-from = De
detail-seller = Vendedor
detail-to = Para
detail-cc = Cópia (Cc)
detail-bcc = Cópia oculta (Cco)
detail-regarding = Referente a
detail-accepted = Aceita em
detail-scheduled = Será enviada em
detail-scheduled-local = { $time }, fuso horário { $zone }
time-of-recipient = { $time } para o destinatário ({ $zone })
detail-sent = Enviada em
detail-reminder = Lembrete
reminder-fired = Lembrou você em
reminder-no-reply-by = se ninguém tiver respondido até então
reminder-not-opened-by = se ninguém a tiver aberto até então
reminder-anyway = em qualquer caso
reminder-replied = Nenhum: alguém respondeu.
reminder-opened = Nenhum: alguém abriu a mensagem.
reminder-failed = Nenhum: a mensagem não foi enviada.
reminder-cancelled = Nenhum: o envio foi cancelado.
reminder-not-followed = Nenhum: a mensagem não é acompanhada.
reminder-not-collected = Nenhum: o acompanhamento esteve desativado por um tempo, e ninguém sabe o que houve então.
reminder-engagement-off = Nenhum: o acompanhamento está desativado.
reminder-assistant-off = Nenhum: o assistente esteve desativado.
files-title = Anexos
file-not-followed = Anexado, não seguido
file-to-follow = Será seguido
file-waiting = A caminho do OneDrive
file-stored = No OneDrive
file-until = Pode ser aberto até { $day }
file-leaving = Retirado
file-gone = Retirado
file-refused = Não pôde ser guardado no OneDrive
links-title = Links na mensagem
link-too-long = Não acompanhado: o endereço é longo demais.
link-opt-out = Não acompanhado: a mensagem pede isso.

## Os cartões do assistente

cards-title = Assistente
cards-notify = Notificar-me neste navegador
cards-none-title = Nada de novo
cards-none-text = Quando alguém abrir o que você enviou, quando um lembrete vencer ou uma mensagem não puder ser enviada, você verá aqui.
card-opened = Aberta
card-reminder-due = Lembrete
card-failed = Não enviada
card-bounced = Não pôde ser entregue
card-clicked = Link clicado
card-attachment-viewed = Anexo visto
card-replied = Respondida
card-opened-again = Aberta de novo
card-urgent = Importante
# O que se diz de um cartão novo, em voz alta ou como notificação.
card-said = { $what }: { $subject } ({ $who })
card-snooze-hour = Adiar por uma hora
card-snooze-day = Adiar por um dia
card-dismiss = Dispensar
card-put-away = O cartão foi guardado.
card-undo = Desfazer

## Quando uma página não pode ser mostrada

problem-403-title = Você não tem acesso aqui
problem-403-text = Você entrou, mas ninguém lhe deu uma função neste serviço. Peça uma ao administrador ou saia e entre como outra pessoa.
problem-404-title = Não há nada aqui
problem-404-text = O endereço pode estar errado ou pertencer a outra organização.
problem-422-title = Este endereço não pode ser lido
problem-422-text = Uma parte dele está danificada ou não vale mais. Recomece pela lista de mensagens.
problem-500-title = Algo deu errado do nosso lado
problem-500-text = Tente de novo. Se acontecer outra vez, passe este número do incidente ao administrador.
problem-503-title = Indisponível no momento
problem-503-text = Uma parte do serviço não responde. Tente de novo daqui a pouco; nada se perdeu.
problem-sign-in-off-title = Ainda não é possível entrar
problem-sign-in-off-text = O serviço ainda não está configurado para que as pessoas entrem. Um administrador pode ativar a autenticação do App Service.
problem-incident = Incidente
problem-again = Tentar de novo
problem-home = Ir para as suas mensagens
